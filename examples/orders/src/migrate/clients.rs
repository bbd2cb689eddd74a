//! Clients that ask all the while, and know the right answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::Response;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::orders::order;

/// Between two requests of one client.
const EVERY: Duration = Duration::from_millis(10);

pub(super) struct Clients {
    seen: Arc<Seen>,
    stop: CancellationToken,
    asking: JoinSet<()>,
}

/// What the clients have seen together.
#[derive(Default)]
struct Seen {
    /// How many requests each client had answered.
    asked: Vec<AtomicU64>,
    failed: AtomicU64,
    wrong: Mutex<Vec<String>>,
    expects_failures: AtomicBool,
}

/// What came of all requests.
pub(super) struct Summary {
    pub(super) asked: u64,
    /// Failed while that was expected.
    pub(super) failed: u64,
    /// What was not as it should be.
    pub(super) wrong: Vec<String>,
}

impl Clients {
    /// One client for each gateway.
    pub(super) fn start(gateways: &[SocketAddr]) -> Self {
        let seen = Arc::new(Seen {
            asked: gateways.iter().map(|_| AtomicU64::new(0)).collect(),
            ..Seen::default()
        });
        let stop = CancellationToken::new();
        let mut asking = JoinSet::new();
        for (client, gateway) in gateways.iter().copied().enumerate() {
            let (seen, stop) = (Arc::clone(&seen), stop.clone());
            asking.spawn(async move {
                stop.run_until_cancelled(ask(gateway, client, &seen)).await;
            });
        }
        Self { seen, stop, asking }
    }

    /// From now on a failure is right, or is not.
    pub(super) fn expect_failures(&self, expected: bool) {
        self.seen
            .expects_failures
            .store(expected, Ordering::Release);
    }

    /// Waits until whatever is under way is answered.
    pub(super) async fn settle(&self) {
        let mut turns = interval(EVERY);
        for asked in &self.seen.asked {
            let before = asked.load(Ordering::Acquire);
            while asked.load(Ordering::Acquire) < before + 2 {
                turns.tick().await;
            }
        }
    }

    pub(super) async fn stop(mut self) -> Summary {
        self.stop.cancel();
        while self.asking.join_next().await.is_some() {}
        let seen = &self.seen;
        let asked = seen.asked.iter().map(|asked| asked.load(Ordering::Acquire));
        Summary {
            asked: asked.sum(),
            failed: seen.failed.load(Ordering::Acquire),
            wrong: std::mem::take(&mut seen.wrong.lock()),
        }
    }
}

async fn ask(gateway: SocketAddr, client: usize, seen: &Seen) {
    let http: Client<_, Empty<&[u8]>> = Client::builder(TokioExecutor::new()).build_http();
    let mut turns = interval(EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for id in (client as u64..).step_by(seen.asked.len()) {
        turns.tick().await;
        let Ok(uri) = format!("http://{gateway}/orders/{id}").parse() else {
            return;
        };
        let expects = || seen.expects_failures.load(Ordering::Acquire);
        let expected_before = expects();
        let told = match http.get(uri).await {
            // The fault may be planted, or mended, while the answer is on its way.
            Ok(answer) if (expected_before || expects()) && answer.status().is_server_error() => {
                seen.failed.fetch_add(1, Ordering::Release);
                Ok(())
            }
            Ok(answer) => check(answer, id).await,
            Err(error) => Err(format!("order {id}: {error}")),
        };
        if let Err(wrong) = told {
            seen.wrong.lock().push(wrong);
        }
        seen.asked[client].fetch_add(1, Ordering::Release);
    }
}

/// Whether this is the order, and else what it is.
async fn check(answer: Response<Incoming>, id: u64) -> Result<(), String> {
    let status = answer.status();
    let body = answer.into_body().collect().await;
    let body = body
        .map_err(|error| format!("order {id}: {error}"))?
        .to_bytes();
    let told: Result<Value, _> = serde_json::from_slice(&body);
    if told.is_ok_and(|told| told["total"] == order(id, "")["total"]) {
        return Ok(());
    }
    Err(format!(
        "order {id}: {status} {}",
        String::from_utf8_lossy(&body)
    ))
}
