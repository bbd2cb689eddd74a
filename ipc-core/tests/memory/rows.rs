//! What becomes of a one-way: rows of the outcome table.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use http::{Request, StatusCode};
use ipc_core::client::Client;
use ipc_core::dispatch::{Limits, Policy};
use ipc_core::endpoint;
use ipc_core::endpoints;
use ipc_core::envelope::names;
use ipc_core::http::Reserved;
use ipc_core::response::FailureExt as _;
use ipc_core::routing::App;
use ipc_core::service::ServiceBuilder;
use ipc_core::transport::TopicSpec;
use parking_lot::Mutex;
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::system::{System, TestResult, keyed};

async fn send(client: &Client, key: &'static str, body: &'static str) -> TestResult {
    let request = Request::post("http://orders/work").body(Body::from(body))?;
    let request = keyed(request, key);
    client.http_one_way(request, Reserved::Refuse).await?;
    Ok(())
}

/// Sends one record to `service`, which cannot do it, and answers why it was
/// kept and how long that took.
async fn kept(
    system: &System,
    service: ServiceBuilder,
    app: Router,
) -> TestResult<(String, Duration)> {
    let service = service.serve(app).start().await?;
    let client = system.client("web").await?;
    let mut letters = system.watch("orders.dlq", 1).await?;
    let sent = Instant::now();
    send(&client, "key", "work").await?;
    let letter = letters.next().await?;
    let took = sent.elapsed();
    assert_eq!(letter.envelope.payload.as_deref(), Some(&b"work"[..]));
    let reason = letter.envelope.headers.get_str(names::DLQ_REASON);
    let reason = reason.ok_or("no reason")?.to_owned();
    client.close().await;
    service.stop().await;
    assert!(letters.is_empty(), "kept twice");
    Ok((reason, took))
}

/// A handler that always answers so, and how often it ran.
fn answering(answer: fn() -> Response) -> (Router, Arc<AtomicUsize>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&runs);
    let handler = move || async move {
        count.fetch_add(1, Ordering::Relaxed);
        answer()
    };
    (Router::new().route("/work", any(handler)), runs)
}

#[tokio::test(start_paused = true)]
async fn a_one_way_whose_handler_does_not_finish_is_kept() -> TestResult {
    let system = System::new();
    let mut policy = Policy::new("orders");
    policy.timeout = Duration::from_millis(300);
    let timeout = policy.timeout;
    let app = Router::new().route("/work", post(std::future::pending::<()>));
    let service = system.service("orders").default_policy(policy);
    let (reason, took) = kept(&system, service, app).await?;
    assert_eq!(reason, "timeout");
    assert!(took >= timeout, "{took:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_one_way_that_waited_longer_than_its_max_age_is_kept() -> TestResult {
    let system = System::new();
    let mut policy = Policy::new("orders");
    policy.max_age = Duration::from_secs(60);
    let max_age = policy.max_age;
    let (app, runs) = answering(|| StatusCode::SERVICE_UNAVAILABLE.into_response());
    let service = system.service("orders").default_policy(policy);
    let (reason, took) = kept(&system, service, app).await?;
    assert_eq!(reason, "too-old");
    assert!(took > max_age, "{took:?}");
    assert!(runs.load(Ordering::Relaxed) > 1, "it did not wait");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_larger_than_its_topic_takes_is_kept_without_what_does_not_fit() -> TestResult
{
    let system = System::new();
    let small = TopicSpec::new("orders.dlq", 1).with("max.message.bytes", 1500);
    system.topic_like(small).await?;
    let (app, _) = answering(|| StatusCode::BAD_REQUEST.into_response());
    let service = system.service("orders").serve(app).start().await?;
    let client = system.client("web").await?;
    let mut letters = system.watch("orders.dlq", 1).await?;
    let long = "x".repeat(1200).leak();
    let request = Request::post("http://orders/work").body(Body::from(&*long))?;
    client
        .http_one_way(keyed(request, "key"), Reserved::Refuse)
        .await?;
    let request = Request::post("http://orders/work")
        .header("x-long", &*long)
        .body(Body::from("work"))?;
    client
        .http_one_way(keyed(request, "key"), Reserved::Refuse)
        .await?;
    for cut in ["payload", "payload, headers"] {
        let letter = letters.next().await?.envelope;
        assert_eq!(letter.headers.get_str(names::DLQ_CUT), Some(cut));
        assert_eq!(
            letter.headers.get_str(names::DLQ_REASON),
            Some("client-error")
        );
        assert_eq!(
            (letter.key.as_deref(), letter.payload),
            (Some(&b"key"[..]), None)
        );
    }
    client.close().await;
    service.stop().await;
    assert!(letters.is_empty(), "kept twice");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_terminal_failure_is_kept_at_once_whatever_its_status() -> TestResult {
    let system = System::new();
    let (app, runs) = answering(|| StatusCode::SERVICE_UNAVAILABLE.terminal().into_response());
    let (reason, _) = kept(&system, system.service("orders"), app).await?;
    assert_eq!(reason, "server-error");
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_one_way_for_an_unknown_endpoint_waits_its_grace_and_is_kept() -> TestResult {
    let system = System::new();
    let mut limits = Limits::default();
    limits.unknown_endpoint_grace = Duration::from_secs(5);
    let grace = limits.unknown_endpoint_grace;
    let app = Router::new().route("/other", post(async || ()));
    let service = system.service("orders").limits(limits);
    let (reason, took) = kept(&system, service, app).await?;
    assert_eq!(reason, "unknown-endpoint");
    assert!(took >= grace, "{took:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn retry_after_holds_its_lane_and_no_other() -> TestResult {
    const AFTER: Duration = Duration::from_secs(30);
    let runs: Arc<Mutex<Vec<(String, Instant)>>> = Arc::default();
    let (runs_seen, (done, mut finished)) = (Arc::clone(&runs), tokio::sync::mpsc::channel(3));
    let handler = move |body: String| async move {
        let mut runs = runs_seen.lock();
        let again = runs.iter().any(|(ran, _)| *ran == body);
        runs.push((body.clone(), Instant::now()));
        if body == "busy" && !again {
            return StatusCode::SERVICE_UNAVAILABLE
                .retry_after(AFTER)
                .into_response();
        }
        match done.try_send(body) {
            Ok(()) => StatusCode::NO_CONTENT.into_response(),
            Err(_) => StatusCode::GONE.into_response(),
        }
    };
    let system = System::new();
    let (service, client) = system.working(handler).await?;
    send(&client, "lane", "busy").await?;
    send(&client, "lane", "behind").await?;
    send(&client, "other", "overtakes").await?;
    for expected in ["overtakes", "busy", "behind"] {
        let work = tokio::time::timeout(2 * AFTER, finished.recv()).await?;
        assert_eq!(work.as_deref(), Some(expected));
    }
    client.close().await;
    service.stop().await;

    let runs = runs.lock();
    let order: Vec<&str> = runs.iter().map(|(body, _)| &**body).collect();
    assert_eq!(order, ["busy", "overtakes", "busy", "behind"]);
    let waited = runs[2].1 - runs[0].1;
    assert!(waited >= AFTER, "{waited:?}");
    assert_eq!(system.committed("orders", 0), Some(3));
    Ok(())
}

/// Notes what is to be audited.
#[endpoint(POST "/audit", one_way)]
async fn audit(body: String) -> Result<String, StatusCode> {
    if body.is_empty() {
        return Err(StatusCode::UNPROCESSABLE_ENTITY);
    }
    Ok(body)
}

#[tokio::test(start_paused = true)]
async fn a_call_to_a_one_way_endpoint_is_answered_202_and_its_errors_as_they_are() -> TestResult {
    let system = System::new();
    let app: App = App::new().endpoints(endpoints![audit])?;
    let service = system.service("orders").serve(app).start().await?;
    let client = system.client("web").await?;
    for (body, status) in [
        ("event", StatusCode::ACCEPTED),
        ("", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let request = Request::post("http://orders/audit").body(Body::from(body))?;
        let answer = client.clone().oneshot(request).await?;
        assert_eq!(answer.status(), status);
        let body = axum::body::to_bytes(answer.into_body(), 64).await?;
        assert!(body.is_empty(), "{body:?}");
    }
    client.close().await;
    service.stop().await;
    Ok(())
}
