//! Consumption that is stopped, and goes on where it was.

mod operator;
mod store;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use ipc_core::client::CallError;
use ipc_core::prelude::endpoint;
use ipc_core::service::Service;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::system::TestResult;

/// What was handled, in order: key and number.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<(String, usize)>>>);

impl Seen {
    fn count(&self) -> usize {
        self.0.lock().len()
    }

    /// By key.
    fn lanes(&self) -> BTreeMap<String, Vec<usize>> {
        let mut lanes = BTreeMap::<String, Vec<usize>>::new();
        for (key, nth) in &*self.0.lock() {
            lanes.entry(key.clone()).or_default().push(*nth);
        }
        lanes
    }

    /// Whether each of `keys` keys has `each` records, once and in order.
    fn has_all(&self, keys: usize, each: usize) -> bool {
        let lanes = self.lanes();
        let whole: Vec<usize> = (0..each).collect();
        lanes.len() == keys && lanes.values().all(|lane| *lane == whole)
    }
}

/// Work that is recognised when the log hands it out again.
#[endpoint(POST "/jobs/{key}", one_way, idempotency = derived)]
async fn job(State(seen): State<Seen>, Path(key): Path<String>, nth: String) {
    seen.0.lock().push((key, nth.parse().unwrap_or(usize::MAX)));
}

/// The same, of which nothing is stored.
#[endpoint(POST "/unstored/{key}", one_way)]
async fn job_unstored(State(seen): State<Seen>, Path(key): Path<String>, nth: String) {
    seen.0.lock().push((key, nth.parse().unwrap_or(usize::MAX)));
}

/// Work whose answer is stored.
#[endpoint(POST "/orders", idempotency = required, timeout = "2s")]
async fn order() -> &'static str {
    "placed"
}

/// The same, where a repetition is better than a refusal.
#[endpoint(POST "/notes", idempotency = required, store_down = fail_open, timeout = "2s")]
async fn note() -> &'static str {
    "noted"
}

/// Work that no store is asked for.
#[endpoint(GET "/plain")]
async fn plain() -> &'static str {
    "plain"
}

/// Waits until something is so, for an hour of the paused clock at most.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) -> TestResult {
    let watch = async {
        while !is_so() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let watched = timeout(Duration::from_secs(60 * 60), watch).await;
    Ok(watched.map_err(|_| format!("never: {what}"))?)
}

fn measures(service: &Service, sample: &str) -> bool {
    let text = service.metrics().render();
    text.lines().any(|line| line == sample)
}

/// Whether each of the three partitions is paused, or none.
fn are_paused(service: &Service, paused: bool) -> bool {
    let paused = u8::from(paused);
    (0..3).all(|partition| {
        let topic = r#"topic="orders.requests""#;
        let sample = format!(r#"ipc_partition_paused{{{topic},partition="{partition}"}} {paused}"#);
        measures(service, &sample)
    })
}

fn warnings(service: &Service) -> Vec<String> {
    let now = Instant::now();
    let facts = service.health().facts(now);
    assert!(facts.liveness(now).is_ok(), "{:?}", facts.liveness(now));
    facts.readiness(now).warnings().to_vec()
}

/// The type of the problem that a call was refused with.
fn problem<T, E>(answer: Result<T, CallError<E>>) -> TestResult<String> {
    match answer {
        Err(CallError::Application(refused)) => {
            let problem = refused.problem().ok_or("no problem")?;
            Ok(problem.kind.into_owned())
        }
        Err(_) => Err("not answered".into()),
        Ok(_) => Err("not refused".into()),
    }
}
