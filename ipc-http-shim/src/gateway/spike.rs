//! Three times what a service can take, for ten seconds, by a clock of our own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use http::header::RETRY_AFTER;
use http::{Request, Response, StatusCode};
use ipc_core::envelope::{CorrelationId, QueueTime};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Gateway;
use crate::config::{Config, Route};
use crate::metrics::Metrics;
use crate::peer::Peer;
use crate::upstream::{Answer, Failure, Outbound, ReplyStream, Upstream};

/// The service answers one request in each of these, in the order they come.
const EACH: Duration = Duration::from_millis(1);
const TIMEOUT: Duration = Duration::from_secs(2);
const SECOND: Duration = Duration::from_secs(1);

/// A service with a queue.
struct Queueing {
    /// Until when it works on what has come.
    busy_until: Mutex<Instant>,
}

#[async_trait]
impl Upstream for Queueing {
    async fn call(&self, outbound: Outbound) -> Result<Answer, Failure> {
        let come = Instant::now();
        let begins = {
            let mut busy_until = self.busy_until.lock();
            let begins = come.max(*busy_until);
            *busy_until = begins + EACH;
            begins
        };
        let queued = begins - come;
        if queued > outbound.timeout {
            sleep_until(come + outbound.timeout).await;
            let correlation_id = CorrelationId::from(bytes::Bytes::from_static(b"late"));
            return Err(Failure::Unknown { correlation_id });
        }
        sleep_until(begins + EACH).await;
        let mut response = Response::new(Body::empty());
        if queued >= QueueTime::SHORTEST {
            response.extensions_mut().insert(QueueTime(queued));
        }
        Ok(Answer {
            response,
            correlation_id: None,
        })
    }

    async fn send(&self, outbound: Outbound) -> Result<Option<CorrelationId>, Failure> {
        panic!("no one-way was expected: {outbound:?}");
    }

    async fn stream(&self, outbound: Outbound) -> Result<ReplyStream, Failure> {
        panic!("no stream was expected: {outbound:?}");
    }

    fn metrics(&self) -> String {
        String::new()
    }
}

/// What became of requests.
#[derive(Default, Debug)]
struct Outcome {
    served: usize,
    late: usize,
    /// Whole seconds that each one that was refused was told to wait.
    refused: Vec<u64>,
}

struct Spike {
    gateway: Gateway,
    peer: Peer,
    answers: JoinSet<Response<Body>>,
}

impl Spike {
    fn new() -> Self {
        let config = Config {
            routes: vec![Route::call("/a", "orders").timeout(TIMEOUT)],
            ..Config::default()
        };
        let upstream = Arc::new(Queueing {
            busy_until: Mutex::new(Instant::now()),
        });
        let stop = CancellationToken::new();
        let gateway = Gateway::new(&config, upstream, &Metrics::new(), stop);
        Self {
            gateway: gateway.expect("the route can be served"),
            peer: Peer::plain(([192, 0, 2, 1], 4711).into()),
            answers: JoinSet::new(),
        }
    }

    /// So many requests in each of this many milliseconds; what was answered by then.
    async fn run(&mut self, millis: u32, each: usize) -> Outcome {
        let mut outcome = Outcome::default();
        let began = Instant::now();
        for milli in 1..=millis {
            for _ in 0..each {
                let (gateway, peer) = (self.gateway.clone(), self.peer.clone());
                self.answers.spawn(async move {
                    let request = Request::get("/a").header("host", "s").body(Body::empty());
                    let request = request.expect("it is valid");
                    gateway.answer(request, &peer, None).await
                });
            }
            sleep_until(began + milli * EACH).await;
            while let Some(answer) = self.answers.try_join_next() {
                outcome.count(&answer.expect("it does not panic"));
            }
        }
        outcome
    }
}

impl Outcome {
    fn add(&mut self, other: Self) {
        self.served += other.served;
        self.late += other.late;
        self.refused.extend(other.refused);
    }

    fn count(&mut self, answer: &Response<Body>) {
        match answer.status() {
            StatusCode::OK => self.served += 1,
            StatusCode::SERVICE_UNAVAILABLE => {
                let wait = answer.headers()[RETRY_AFTER].to_str().ok();
                let wait = wait.and_then(|wait| wait.parse().ok());
                self.refused.push(wait.expect("it says for how long"));
            }
            _ => self.late += 1,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_threefold_spike_is_served_at_capacity_refused_in_words_and_over_within_a_second() {
    let mut spike = Spike::new();
    let calm = spike.run(2_000, 1).await;
    assert_eq!((calm.late, calm.refused.len()), (0, 0));

    let capacity = 10 * SECOND.as_millis() / EACH.as_millis();
    let outcome = spike.run(10_000, 3).await;
    assert!(
        outcome.served as u128 * 100 >= 95 * capacity,
        "{}",
        outcome.served
    );
    assert_eq!(outcome.late, 0);
    assert!(outcome.refused.len() > 15_000, "{}", outcome.refused.len());
    let mut waits = outcome.refused.iter();
    assert!(waits.all(|wait| (1..=4).contains(wait)));

    // At four fifths of what the service can take.
    let mut ending = Outcome::default();
    for _ in 0..5 {
        ending.add(spike.run(160, 1).await);
        ending.add(spike.run(40, 0).await);
    }
    assert_eq!(ending.late, 0);
    let recovered = spike.run(5_000, 1).await;
    assert_eq!((recovered.late, recovered.refused.len()), (0, 0));
}
