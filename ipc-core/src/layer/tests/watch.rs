use std::convert::Infallible;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::Instant;
use tower::{Layer, ServiceExt as _, service_fn};

use super::delivery;
use crate::dispatch::Outcome;
use crate::envelope::Envelope;
use crate::health::Health;
use crate::layer::WatchLayer;

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
