//! What becomes of attempts that fail, where they are to be repeated.

mod blocking;
mod parked;
mod tiers;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request as HandlerRequest, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http::{Request, StatusCode};
use ipc_core::client::Client;
use ipc_core::dispatch::{Policy, RetrySpec};
use ipc_core::extract::Attempt;
use ipc_core::http::Reserved;
use ipc_core::metrics::Metrics;
use ipc_core::service::{Service, ServiceBuilder};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::system::{System, TestResult, keyed};

/// One run of a handler.
#[derive(Clone, Debug)]
struct Run {
    body: String,
    attempt: u32,
    at: Instant,
}

/// What a handler answers to the run of a body: `(body, attempt)`.
type Answer = fn(&str, u32) -> Response;

#[derive(Clone)]
struct Handler {
    runs: Arc<Mutex<Vec<Run>>>,
    answer: Answer,
    ended: mpsc::Sender<String>,
}

type SetUp = Box<dyn Fn(ServiceBuilder) -> ServiceBuilder>;

/// `orders` on one partition, answering as told.
struct Stage {
    system: System,
    set_up: SetUp,
    app: Router,
    service: Service,
    client: Client,
    runs: Arc<Mutex<Vec<Run>>>,
    /// The bodies whose runs were answered below 400.
    done: mpsc::Receiver<String>,
}

/// One whose endpoint asks for retries, of calls too.
fn policy(retry: RetrySpec) -> Policy {
    let mut policy = Policy::new("POST /work");
    policy.retry = Some(retry);
    policy.retries_calls = true;
    policy
}

async fn instance(system: &System, set_up: &SetUp, app: &Router) -> TestResult<Service> {
    let service = set_up(system.service("orders").create_topics(1));
    Ok(service.serve(app.clone()).start().await?)
}

async fn work(
    State(handler): State<Handler>,
    Attempt(attempt): Attempt,
    request: HandlerRequest,
) -> Response {
    let body = axum::body::to_bytes(request.into_body(), 4096).await;
    let body = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
    handler.runs.lock().push(Run {
        body: body.clone(),
        attempt,
        at: Instant::now(),
    });
    let response = (handler.answer)(&body, attempt);
    if response.status().as_u16() < 400 && handler.ended.try_send(body).is_err() {
        return StatusCode::GONE.into_response();
    }
    response
}

impl Stage {
    /// Its endpoint asks for retries.
    async fn asking(retry: RetrySpec, answer: Answer) -> TestResult<Self> {
        let set_up = move |service: ServiceBuilder| service.default_policy(policy(retry));
        Self::with(set_up, answer).await
    }

    async fn with(
        set_up: impl Fn(ServiceBuilder) -> ServiceBuilder + 'static,
        answer: Answer,
    ) -> TestResult<Self> {
        Self::on(System::new(), set_up, answer).await
    }

    async fn on(
        system: System,
        set_up: impl Fn(ServiceBuilder) -> ServiceBuilder + 'static,
        answer: Answer,
    ) -> TestResult<Self> {
        let (ended, done) = mpsc::channel(1024);
        let runs: Arc<Mutex<Vec<Run>>> = Arc::default();
        let handler = Handler {
            runs: Arc::clone(&runs),
            answer,
            ended,
        };
        let app = Router::new().route("/work", post(work)).with_state(handler);
        let set_up: SetUp = Box::new(set_up);
        let service = instance(&system, &set_up, &app).await?;
        let client = system.client("web").await?;
        Ok(Self {
            system,
            set_up,
            app,
            service,
            client,
            runs,
            done,
        })
    }

    /// Another instance in place of the one that is there.
    async fn handed_over(self) -> TestResult<Self> {
        self.service.stop().await;
        let service = instance(&self.system, &self.set_up, &self.app).await?;
        Ok(Self { service, ..self })
    }

    /// Another instance in place of the one that is there, which has ended where it stood.
    async fn replaced(self) -> TestResult<Self> {
        drop(self.service);
        let service = instance(&self.system, &self.set_up, &self.app).await?;
        Ok(Self { service, ..self })
    }

    async fn send(&self, key: &'static str, body: &'static str) -> TestResult {
        let request = Request::post("http://orders/work").body(Body::from(body))?;
        let request = keyed(request, key);
        self.client.http_one_way(request, Reserved::Refuse).await?;
        Ok(())
    }

    async fn call(&self) -> TestResult<StatusCode> {
        let request = Request::post("http://orders/work").body(Body::from("call"))?;
        Ok(self.client.clone().oneshot(request).await?.status())
    }

    /// The next body that is done.
    async fn next(&mut self) -> TestResult<String> {
        let hour = Duration::from_secs(60 * 60);
        let next = tokio::time::timeout(hour, self.done.recv()).await?;
        next.ok_or_else(|| "the handler has gone".into())
    }

    /// Waits until so many are done.
    async fn all(&mut self, works: usize) -> TestResult {
        for _ in 0..works {
            self.next().await?;
        }
        Ok(())
    }

    async fn end(self) -> Ended {
        let metrics = self.service.metrics().clone();
        self.client.close().await;
        self.service.stop().await;
        let runs = self.runs.lock().clone();
        let committed = self.system.committed("orders", 0);
        Ended {
            runs,
            committed,
            metrics,
        }
    }
}

/// What is left of a stage.
struct Ended {
    runs: Vec<Run>,
    committed: Option<i64>,
    metrics: Metrics,
}

impl Ended {
    /// How often records came to `outcome`.
    fn outcomes(&self, outcome: &str) -> u64 {
        self.counted("ipc_outcomes_total{", &format!("outcome=\"{outcome}\""))
    }

    /// The sum of a counter's series that have this label.
    fn counted(&self, counter: &str, label: &str) -> u64 {
        let page = self.metrics.render();
        let series = page
            .lines()
            .filter(|line| line.starts_with(counter) && line.contains(label));
        series
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .sum()
    }
}

/// How long it was from each run to the next.
fn pauses(runs: &[Run]) -> Vec<Duration> {
    let pairs = runs.windows(2);
    pairs.map(|pair| pair[1].at - pair[0].at).collect()
}
