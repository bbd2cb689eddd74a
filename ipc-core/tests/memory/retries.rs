//! What becomes of attempts that fail, where they are to be repeated.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request as HandlerRequest, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::{Request, StatusCode};
use ipc_core::client::Client;
use ipc_core::dispatch::{Policy, RetrySpec};
use ipc_core::envelope::names;
use ipc_core::extract::Attempt;
use ipc_core::http::Reserved;
use ipc_core::metrics::Metrics;
use ipc_core::response::FailureExt as _;
use ipc_core::service::{Service, ServiceBuilder};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::system::{System, TestResult, keyed};

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(4);
const ATTEMPTS: u32 = 5;
const SPEC: RetrySpec = RetrySpec::attempts(ATTEMPTS).backoff(FIRST, LONGEST);

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

/// `orders` on one partition, answering as told.
struct Stage {
    system: System,
    service: Service,
    client: Client,
    runs: Arc<Mutex<Vec<Run>>>,
    /// The bodies whose runs were answered below 400.
    done: mpsc::Receiver<String>,
}

async fn work(
    State(handler): State<Handler>,
    Attempt(attempt): Attempt,
    request: HandlerRequest,
) -> Response {
    let body = axum::body::to_bytes(request.into_body(), 64).await;
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
    async fn start(answer: Answer) -> TestResult<Self> {
        Self::asking(SPEC, answer).await
    }

    async fn asking(retry: RetrySpec, answer: Answer) -> TestResult<Self> {
        let mut policy = Policy::new("POST /work");
        policy.retry = Some(retry);
        policy.retries_calls = true;
        Self::with(|service| service.default_policy(policy), answer).await
    }

    async fn with(
        set_up: impl FnOnce(ServiceBuilder) -> ServiceBuilder,
        answer: Answer,
    ) -> TestResult<Self> {
        let system = System::new();
        let (ended, done) = mpsc::channel(1024);
        let runs: Arc<Mutex<Vec<Run>>> = Arc::default();
        let handler = Handler {
            runs: Arc::clone(&runs),
            answer,
            ended,
        };
        let app = Router::new().route("/work", post(work)).with_state(handler);
        let service = set_up(system.service("orders").create_topics(1));
        let service = service.serve(app).start().await?;
        let client = system.client("web").await?;
        Ok(Self {
            system,
            service,
            client,
            runs,
            done,
        })
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
        let page = self.metrics.render();
        let label = format!("outcome=\"{outcome}\"");
        let lines = page
            .lines()
            .filter(|line| line.starts_with("ipc_outcomes_total{") && line.contains(&label));
        lines
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .sum()
    }
}

/// How long it was from each run to the next.
fn pauses(runs: &[Run]) -> Vec<Duration> {
    let pairs = runs.windows(2);
    pairs.map(|pair| pair[1].at - pair[0].at).collect()
}

#[tokio::test(start_paused = true)]
async fn a_failed_attempt_is_repeated_with_growing_waits_and_ends_as_a_dead_letter() -> TestResult {
    let stage = Stage::start(|_, _| StatusCode::BAD_GATEWAY.into_response()).await?;
    let mut letters = stage.system.watch("orders.dlq", 1).await?;
    let sent = stage.system.now();
    stage.send("key", "work").await?;
    let letter = letters.next().await?.envelope;

    let header = |name| letter.headers.get_str(name);
    assert_eq!(header(names::DLQ_REASON), Some("server-error"));
    assert_eq!(header(names::DLQ_ATTEMPTS), Some("5"));
    let first_failed: u64 = header(names::DLQ_FIRST_FAILED).ok_or("no time")?.parse()?;
    let failed_after = Duration::from_millis(first_failed - sent.0);
    assert!(failed_after < FIRST, "first failed after {failed_after:?}");
    assert_eq!(letter.payload.as_deref(), Some(&b"work"[..]));

    let ended = stage.end().await;
    assert_eq!(ended.outcomes("failed_retry"), 4);
    assert_eq!(ended.outcomes("dead_letter"), 1);
    let attempts: Vec<u32> = ended.runs.iter().map(|run| run.attempt).collect();
    assert_eq!(attempts, [1, 2, 3, 4, 5]);
    for (pause, wait) in pauses(&ended.runs).into_iter().zip([1, 2, 4, 4]) {
        let wait = Duration::from_secs(wait);
        assert!(
            wait <= pause && pause < wait + FIRST,
            "{pause:?} for {wait:?}"
        );
    }
    assert_eq!(ended.committed, Some(1));
    assert!(letters.is_empty(), "kept twice");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_tried_again_holds_its_lane_and_no_other() -> TestResult {
    let mut stage = Stage::start(|body, attempt| {
        if body == "flaky" && attempt < 3 {
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        } else {
            StatusCode::NO_CONTENT.into_response()
        }
    })
    .await?;
    stage.send("lane", "before").await?;
    stage.send("lane", "flaky").await?;
    stage.send("lane", "behind").await?;
    stage.send("other", "overtakes").await?;
    let mut done = Vec::new();
    for _ in 0..4 {
        done.push(stage.next().await?);
    }
    assert_eq!(done, ["before", "overtakes", "flaky", "behind"]);
    let ended = stage.end().await;
    assert_eq!(ended.outcomes("failed_retry"), 2);
    let flaky = ended.runs.iter().filter(|run| run.body == "flaky");
    assert_eq!(flaky.count(), 3);
    assert_eq!(ended.committed, Some(4));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn more_records_than_may_run_at_once_wait_for_their_next_attempt_beside_each_other()
-> TestResult {
    const RECORDS: usize = 600;
    let mut stage = Stage::start(|_, attempt| match attempt {
        1 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        _ => StatusCode::NO_CONTENT.into_response(),
    })
    .await?;
    for nth in 0..RECORDS {
        let key: &'static str = nth.to_string().leak();
        stage.send(key, "work").await?;
    }
    for _ in 0..RECORDS {
        stage.next().await?;
    }
    let runs = stage.end().await.runs;
    let firsts = runs.iter().take_while(|run| run.attempt == 1).count();
    assert_eq!(firsts, RECORDS, "a permit was held by one that waited");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_terminal_failure_and_a_4xx_are_not_repeated() -> TestResult {
    let stage = Stage::start(|body, _| match body {
        "terminal" => StatusCode::INTERNAL_SERVER_ERROR.terminal().into_response(),
        _ => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
    })
    .await?;
    let mut letters = stage.system.watch("orders.dlq", 1).await?;
    for body in ["terminal", "wrong"] {
        stage.send("key", body).await?;
        let letter = letters.next().await?.envelope;
        assert_eq!(letter.headers.get_str(names::DLQ_ATTEMPTS), Some("1"));
    }
    let runs = stage.end().await.runs;
    assert_eq!(runs.len(), 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn waiting_for_not_now_counts_no_attempt() -> TestResult {
    let stage = Stage::start(|_, _| StatusCode::SERVICE_UNAVAILABLE.into_response()).await?;
    stage.send("key", "busy").await?;
    tokio::time::sleep(Duration::from_secs(120)).await;
    let ended = stage.end().await;
    assert_eq!(ended.outcomes("failed_retry"), 0);
    let runs = ended.runs;
    assert!(runs.len() > ATTEMPTS as usize, "{} runs", runs.len());
    assert!(runs.iter().all(|run| run.attempt == 1), "{runs:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_does_not_finish_is_tried_again() -> TestResult {
    let system = System::new();
    let mut policy = Policy::new("orders");
    policy.timeout = Duration::from_millis(300);
    policy.retry = Some(RetrySpec::attempts(2));
    let (done, mut finished) = mpsc::channel(1);
    let handler = move |Attempt(attempt): Attempt| async move {
        if attempt == 1 {
            std::future::pending::<()>().await;
        }
        match done.try_send(attempt) {
            Ok(()) => StatusCode::NO_CONTENT,
            Err(_) => StatusCode::GONE,
        }
    };
    let app = Router::new().route("/work", post(handler));
    let service = system.service("orders").default_policy(policy).serve(app);
    let service = service.start().await?;
    let client = system.client("web").await?;
    let request = Request::post("http://orders/work").body(Body::empty())?;
    client
        .http_one_way(keyed(request, "key"), Reserved::Refuse)
        .await?;
    let attempt = tokio::time::timeout(LONGEST, finished.recv()).await?;
    assert_eq!(attempt, Some(2));
    client.close().await;
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_call_is_repeated_where_its_endpoint_asks_for_it_while_its_caller_waits() -> TestResult {
    let stage = Stage::start(|_, attempt| match attempt {
        1 | 2 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        _ => StatusCode::OK.into_response(),
    })
    .await?;
    assert_eq!(stage.call().await?, StatusCode::OK);
    let runs = stage.end().await.runs;
    assert_eq!(runs.len(), 3);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_time_does_not_suffice_for_another_attempt_is_answered_at_once() -> TestResult
{
    let hour = Duration::from_secs(60 * 60);
    let retry = RetrySpec::attempts(ATTEMPTS).backoff(hour, hour);
    let stage = Stage::asking(retry, |_, _| StatusCode::BAD_GATEWAY.into_response()).await?;
    let asked = Instant::now();
    assert_eq!(stage.call().await?, StatusCode::BAD_GATEWAY);
    assert!(asked.elapsed() < FIRST, "{:?}", asked.elapsed());
    let runs = stage.end().await.runs;
    assert_eq!(runs.len(), 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_service_s_retries_are_for_its_one_ways_and_a_terminal_answer_is_not_repeated() -> TestResult
{
    let answer: Answer = |_, _| StatusCode::INTERNAL_SERVER_ERROR.into_response();
    let stage = Stage::with(|service| service.retry(SPEC), answer).await?;
    assert_eq!(stage.call().await?, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(stage.runs.lock().len(), 1);
    let mut letters = stage.system.watch("orders.dlq", 1).await?;
    stage.send("key", "work").await?;
    letters.next().await?;
    assert_eq!(stage.end().await.runs.len(), 1 + ATTEMPTS as usize);

    let stage =
        Stage::start(|_, _| StatusCode::INTERNAL_SERVER_ERROR.terminal().into_response()).await?;
    assert_eq!(stage.call().await?, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(stage.end().await.runs.len(), 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_call_is_repeated_no_sooner_than_its_answer_asks_for() -> TestResult {
    let stage = Stage::start(|_, attempt| match attempt {
        1 => StatusCode::BAD_GATEWAY
            .retry_after(2 * FIRST)
            .into_response(),
        _ => StatusCode::OK.into_response(),
    })
    .await?;
    assert_eq!(stage.call().await?, StatusCode::OK);
    let runs = stage.end().await.runs;
    let pause = pauses(&runs)[0];
    assert!(2 * FIRST <= pause, "{pause:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn over_its_budget_a_service_waits_as_long_as_it_ever_does() -> TestResult {
    const RECORDS: usize = 400;
    let longest = Duration::from_secs(600);
    let retry = RetrySpec::attempts(2).backoff(Duration::from_millis(1), longest);
    let mut stage = Stage::asking(retry, |_, attempt| match attempt {
        1 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        _ => StatusCode::NO_CONTENT.into_response(),
    })
    .await?;
    for nth in 0..RECORDS {
        let key: &'static str = nth.to_string().leak();
        stage.send(key, "work").await?;
    }
    for _ in 0..RECORDS {
        stage.next().await?;
    }
    let runs = stage.end().await.runs;
    let begun = runs[0].at;
    let soon = runs
        .iter()
        .filter(|run| run.attempt == 2 && run.at - begun < longest)
        .count();
    // The floor of ten seconds, and a fifth of what was done by then.
    assert!((100..=150).contains(&soon), "{soon} of {RECORDS}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_wait_without_end_holds_its_own_lane_and_nothing_else() -> TestResult {
    let mut stage = Stage::start(|body, _| match body {
        "for ever" => StatusCode::SERVICE_UNAVAILABLE
            .retry_after(Duration::MAX)
            .into_response(),
        _ => StatusCode::NO_CONTENT.into_response(),
    })
    .await?;
    stage.send("lane", "for ever").await?;
    stage.send("other", "work").await?;
    assert_eq!(stage.next().await?, "work");
    stage.end().await;
    Ok(())
}
