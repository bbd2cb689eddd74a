//! What callers see.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use ipc_core::client::{CallError, Client, Options, RecordKey, Rejected, UnknownReason};
use ipc_core::envelope::QueueTime;
use ipc_core::http::Reserved;
use ipc_core::metrics::Metrics;
use ipc_core::transport::Transport;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use tower::ServiceExt as _;

use super::silent::Silent;
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
async fn a_one_way_that_the_log_does_not_take_in_time_is_unknown() -> TestResult {
    let system = System::new();
    let service = system
        .service("orders")
        .serve(Router::new())
        .start()
        .await?;
    let broker = Silent::new(system.transport());
    let client = Client::builder("web").create_topics(1);
    let client = client
        .connect(Arc::clone(&broker) as Arc<dyn Transport>)
        .await?;
    broker.fall_silent();

    let began = Instant::now();
    let sending = client.http_one_way(request(Duration::from_secs(2))?, Reserved::Refuse);
    let Err(CallError::Unknown(unknown)) = sending.await else {
        return Err("the log took it".into());
    };
    assert_eq!(unknown.reason, UnknownReason::DeadlinePassed);
    assert_eq!(began.elapsed().as_secs(), 2);

    let late = client.http_one_way(request(Duration::ZERO)?, Reserved::Refuse);
    let late = late.await;
    assert!(
        matches!(late, Err(CallError::Rejected(Rejected::TooLate))),
        "{late:?}"
    );
    broker.answer_again();
    client.close().await;
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_call_counts_under_what_it_came_to() -> TestResult {
    let system = System::new();
    let app = Router::new()
        .route("/wait", get(std::future::pending::<()>))
        .route("/here", get(async || "here"))
        .route("/broken", get(async || StatusCode::CONFLICT));
    let service = system.service("orders").serve(app).start().await?;
    let metrics = Metrics::new();
    let client = system.client_builder("web").metrics(metrics.clone());
    let client = client.connect(system.transport()).await?;
    let call = |path: &str, timeout| {
        let mut options = Options::default();
        options.timeout = Some(timeout);
        let request = Request::get(format!("http://orders/{path}"));
        request.extension(options).body(Body::empty())
    };
    for (path, timeout) in [("here", 9), ("here", 9), ("broken", 9), ("wait", 1)] {
        let request = call(path, Duration::from_secs(timeout))?;
        let mut pending = std::pin::pin!(client.clone().oneshot(request));
        assert!(futures_util::poll!(&mut pending).is_pending());
        let seen = metrics.render();
        assert!(seen.contains("ipc_client_pending_calls 1\n"), "{seen}");
        let _ = pending.await;
    }
    let refused = call("here", Duration::ZERO)?;
    assert!(client.clone().oneshot(refused).await.is_err());
    let seen = metrics.render();
    for line in [
        r#"ipc_client_calls_total{outcome="reply"} 2"#,
        r#"ipc_client_calls_total{outcome="application_error"} 1"#,
        r#"ipc_client_calls_total{outcome="unknown"} 1"#,
        r#"ipc_client_calls_total{outcome="rejected"} 1"#,
        "ipc_client_pending_calls 0",
    ] {
        assert!(seen.contains(line), "{line} is not in {seen}");
    }
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

#[tokio::test(start_paused = true)]
async fn a_reply_tells_how_long_its_request_was_queued_where_that_was_long() -> TestResult {
    let system = System::new();
    let app = Router::new().route("/wait", get(async || sleep(Duration::from_secs(3)).await));
    let service = system.service("orders").serve(app).start().await?;
    let client = system.client("web").await?;
    let call = || -> TestResult<_> {
        let mut request = request(Duration::from_secs(20))?;
        let options = request.extensions_mut().get_mut::<Options>();
        // One lane: the second waits for the first.
        options.ok_or("it has options")?.key = RecordKey::Bytes(Bytes::from_static(b"7"));
        Ok(client.clone().oneshot(request))
    };

    let (first, second) = tokio::join!(call()?, call()?);

    let queued = |answer: Response<Body>| answer.extensions().get::<QueueTime>().copied();
    assert_eq!(queued(first?), None);
    let queued = queued(second?).ok_or("it was queued")?;
    assert_eq!(queued.0.as_secs(), 3, "{queued:?}");
    client.close().await;
    service.stop().await;
    Ok(())
}
