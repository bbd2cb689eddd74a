//! What callers see.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use ipc_core::client::{CallError, Options, Rejected, UnknownReason};
use tokio::sync::Notify;
use tower::ServiceExt as _;

use super::system::{Stopped, System, TestResult};

fn request(timeout: Duration) -> TestResult<Request<Body>> {
    let mut options = Options::default();
    options.timeout = Some(timeout);
    Ok(Request::get("http://orders/wait")
        .extension(options)
        .body(Body::empty())?)
}

#[tokio::test(start_paused = true)]
async fn a_call_past_its_deadline_is_unknown_and_leaves_nothing_pending() -> TestResult {
    let system = System::new();
    let app = Router::new().route("/wait", get(std::future::pending::<()>));
    let service = system.service("orders").serve(app).start().await?;
    let client = system.client("web").await?;

    let answer = client
        .clone()
        .oneshot(request(Duration::from_millis(200))?)
        .await;
    let Err(CallError::Unknown(unknown)) = answer else {
        return Err("the call was answered".into());
    };
    assert_eq!(unknown.reason, UnknownReason::DeadlinePassed);
    assert_eq!(client.pending(), 0);
    client.close().await;
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_stops_its_handler() -> TestResult {
    let system = System::new();
    let (started, stopped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (started, stopped) = (Arc::clone(&started), Arc::clone(&stopped));
        move || async move {
            let _stopped = Stopped(stopped);
            started.notify_one();
            std::future::pending::<()>().await;
        }
    };
    let app = Router::new().route("/wait", get(handler));
    let service = system.service("orders").serve(app).start().await?;
    let client = system.client("web").await?;

    let call = client.clone().oneshot(request(Duration::from_secs(20))?);
    tokio::select! {
        _ = call => return Err("the call was answered".into()),
        () = started.notified() => {}
    }
    stopped.notified().await;
    assert_eq!(client.pending(), 0);
    client.close().await;
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_service_that_has_gone_is_absent_after_its_grace() -> TestResult {
    let system = System::new();
    let app = Router::new().route("/wait", get(async || "here"));
    let service = system.service("orders").serve(app).start().await?;
    let client = system.client("web").await?;
    let long = Duration::from_secs(20);
    assert!(client.clone().oneshot(request(long)?).await.is_ok());
    service.stop().await;

    // Waited out at first; then told at once.
    let patient = client.clone().oneshot(request(long)?).await;
    assert!(matches!(patient, Err(CallError::Unknown(_))), "{patient:?}");
    let told = client.clone().oneshot(request(long)?).await;
    let Err(CallError::Rejected(Rejected::Absent { service, .. })) = told else {
        return Err(format!("not told: {told:?}").into());
    };
    assert_eq!(service, "orders");
    client.close().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn closing_a_client_completes_every_waiter() -> TestResult {
    let system = System::new();
    let started = Arc::new(Notify::new());
    let handler = {
        let started = Arc::clone(&started);
        move || async move {
            started.notify_one();
            std::future::pending::<()>().await;
        }
    };
    let app = Router::new().route("/wait", get(handler));
    let service = system.service("orders").serve(app).start().await?;
    let client = system.client("web").await?;
    let call = client.clone().oneshot(request(Duration::from_secs(20))?);
    let close = async {
        started.notified().await;
        client.close().await;
    };
    let (answer, ()) = tokio::join!(call, close);
    let Err(CallError::Unknown(unknown)) = answer else {
        return Err("the call was answered".into());
    };
    assert_eq!(unknown.reason, UnknownReason::Closed);
    service.stop().await;
    Ok(())
}
