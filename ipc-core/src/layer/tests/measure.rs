use std::convert::Infallible;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use tokio::time::Instant;
use tower::{Layer, ServiceExt as _, service_fn};

use super::{ENDPOINT, delivery};
use crate::dispatch::{Delivery, Failure, Outcome, Reason, Reply};
use crate::envelope::{Envelope, Headers};
use crate::layer::MetricsLayer;
use crate::metrics::Metrics;

/// How many runs came to this.
fn runs(metrics: &Metrics, result: &str, detail: &str) -> Option<String> {
    let series = format!(
        r#"ipc_handler_results_total{{endpoint="{ENDPOINT}",result="{result}",detail="{detail}"}} "#
    );
    metrics
        .render()
        .lines()
        .find_map(|line| line.strip_prefix(&series).map(str::to_owned))
}

fn timed(metrics: &Metrics) -> bool {
    let series = format!(r#"ipc_handler_duration_seconds_count{{endpoint="{ENDPOINT}"}} 1"#);
    metrics.render().lines().any(|line| line == series)
}

fn running(metrics: &Metrics) -> bool {
    let series = format!(r#"ipc_handlers_running{{endpoint="{ENDPOINT}"}} 1"#);
    metrics.render().lines().any(|line| line == series)
}

/// Runs a handler that comes to `outcome` and sees it counted, timed and ended.
async fn counted(outcome: fn() -> Outcome, result: &str, detail: &str) {
    let metrics = Metrics::new();
    let handler = service_fn(move |_| std::future::ready(Ok::<_, Infallible>(outcome())));
    let Ok(_) = MetricsLayer::new(metrics.clone())
        .layer(handler)
        .oneshot(delivery(Envelope::default(), Instant::now()))
        .await;
    assert_eq!(runs(&metrics, result, detail).as_deref(), Some("1"));
    assert!(timed(&metrics));
    assert!(!running(&metrics));
}

#[tokio::test]
async fn a_run_is_counted_by_what_it_came_to_and_timed() {
    counted(|| Outcome::Done, "done", "").await;
    counted(|| reply(200), "reply", "").await;
    counted(|| reply(404), "reply_error", "4xx").await;
    counted(|| Outcome::NotNow { after: None }, "not_now", "").await;
    counted(failed, "failed", "server-error").await;
}

fn reply(status: u16) -> Outcome {
    Outcome::Reply(Reply::full(status, Headers::new(), ""))
}

fn failed() -> Outcome {
    Outcome::Failed(Failure {
        reason: Reason::ServerError,
        retryable: true,
        message: "out of luck".into(),
    })
}

#[tokio::test]
async fn a_handler_that_is_dropped_counts_as_dropped() {
    let metrics = Metrics::new();
    let handler = service_fn(|_| std::future::pending::<Result<Outcome, Infallible>>());
    let mut run = MetricsLayer::new(metrics.clone())
        .layer(handler)
        .oneshot(delivery(Envelope::default(), Instant::now()))
        .boxed();
    assert!((&mut run).now_or_never().is_none());
    assert!(running(&metrics));
    drop(run);
    assert_eq!(runs(&metrics, "dropped", "").as_deref(), Some("1"));
    assert!(!running(&metrics));
}

#[tokio::test]
async fn a_handler_that_panics_counts_as_panicked() {
    let metrics = Metrics::new();
    let handler = service_fn(async |_: Delivery| -> Result<Outcome, Infallible> {
        panic!("as the test wants it")
    });
    let run = MetricsLayer::new(metrics.clone())
        .layer(handler)
        .oneshot(delivery(Envelope::default(), Instant::now()));
    let caught = AssertUnwindSafe(run).catch_unwind().await;
    assert!(caught.is_err());
    assert_eq!(runs(&metrics, "panicked", "").as_deref(), Some("1"));
    assert_eq!(runs(&metrics, "dropped", ""), None);
}
