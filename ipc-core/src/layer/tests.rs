use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::Instant;
use tower::{Layer, ServiceExt as _, service_fn};

use super::*;
use crate::dispatch::{Delivery, Failure, Outcome, Policy, Reason, Reply};
use crate::envelope::{Envelope, Headers, RequestHead};
use crate::health::Health;
use crate::metrics::Metrics;
use crate::transport::{Origin, Timestamp, TopicPartition};

const ENDPOINT: &str = "POST /orders";

fn delivery(envelope: Envelope, finish_by: Instant) -> Delivery {
    let head = RequestHead::parse(&envelope.headers).unwrap_or_else(|(_, head)| *head);
    let origin = Origin {
        partition: TopicPartition {
            topic: Arc::from("orders.requests"),
            partition: 3,
        },
        offset: 42,
        timestamp: Timestamp::Unknown,
    };
    let policy = Arc::new(Policy::new(ENDPOINT));
    Delivery::new(envelope, origin, Arc::new(head), policy, finish_by)
}

fn any_delivery() -> Delivery {
    delivery(Envelope::default(), Instant::now())
}

mod measure {
    use super::*;

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
            .oneshot(any_delivery())
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
            .oneshot(any_delivery())
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
            .oneshot(any_delivery());
        let caught = AssertUnwindSafe(run).catch_unwind().await;
        assert!(caught.is_err());
        assert_eq!(runs(&metrics, "panicked", "").as_deref(), Some("1"));
        assert_eq!(runs(&metrics, "dropped", ""), None);
    }
}

mod watch {
    use super::*;

    #[tokio::test]
    async fn a_handler_is_watched_while_it_runs() {
        let health = Health::new();
        let finish_by = Instant::now();
        let late = finish_by + Duration::from_secs(11);
        let handler = service_fn(|_| std::future::pending::<Result<Outcome, Infallible>>());
        let mut run = WatchLayer::new(health.clone())
            .layer(handler)
            .oneshot(delivery(Envelope::default(), finish_by))
            .boxed();
        assert!(health.facts(late).liveness(late).is_ok());
        assert!((&mut run).now_or_never().is_none());
        assert_eq!(
            health.facts(late).liveness(late).reasons(),
            ["handlers of POST /orders past their deadline: 1, by up to 11 s"]
        );
        drop(run);
        assert!(health.facts(late).liveness(late).is_ok());
    }
}
