//! Requests that come again, as their callers see it.

mod away;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use ipc_core::client::Client;
use ipc_core::dispatch::{Guarantee, Idempotency, Mode, Policy};
use ipc_core::extract::Fence;
use ipc_core::http::Reserved;
use ipc_core::service::{Service, ServiceBuilder};
use ipc_core::store::{
    Claim, ClaimRequest, Dedup, DedupStore as _, Fingerprint, MemoryStore, WorkId,
};
use tokio::sync::Notify;
use tower::ServiceExt as _;

use super::system::{System, TestResult, keyed};

pub(super) const TIMEOUT: Duration = Duration::from_secs(2);

pub(super) fn policy(idempotency: Idempotency) -> Policy {
    let mut policy = Policy::new("POST /work");
    policy.idempotency = idempotency;
    policy.timeout = TIMEOUT;
    policy
}

/// How often a handler ran.
#[derive(Clone, Default)]
pub(super) struct Runs(Arc<AtomicUsize>);

impl Runs {
    pub(super) fn one_more(&self) -> usize {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A handler that answers `answer` and the number of its run.
pub(super) fn counting(answer: fn(usize) -> Response) -> (Router, Runs) {
    let runs = Runs::default();
    let handler = {
        let runs = runs.clone();
        async move || answer(runs.one_more())
    };
    (Router::new().route("/work", post(handler)), runs)
}

pub(super) fn numbered(run: usize) -> Response {
    let headers = [("x-run", run.to_string())];
    (StatusCode::CREATED, headers, format!("run {run}")).into_response()
}

pub(super) struct Deduped {
    pub(super) service: Service,
    pub(super) client: Client,
}

impl Deduped {
    async fn start(app: Router, idempotency: Idempotency) -> TestResult<Self> {
        Self::with(app, idempotency, MemoryStore::new(100)).await
    }

    pub(super) async fn with(
        app: Router,
        idempotency: Idempotency,
        dedup: impl Into<Dedup>,
    ) -> TestResult<Self> {
        let system = System::new();
        let service = system
            .service("orders")
            .default_policy(policy(idempotency))
            .dedup(dedup)
            .serve(app)
            .start()
            .await?;
        let client = system.client("web").await?;
        Ok(Self { service, client })
    }

    pub(super) async fn call(&self, request: Request<Body>) -> TestResult<Answer> {
        let response = self.client.clone().oneshot(request).await?;
        let (parts, body) = response.into_parts();
        Ok(Answer {
            status: parts.status,
            run: parts.headers.get("x-run").cloned(),
            replayed: parts.headers.contains_key("ipc-replayed"),
            body: body.collect().await?.to_bytes(),
        })
    }

    pub(super) async fn end(self) {
        self.client.close().await;
        self.service.stop().await;
    }
}

#[derive(PartialEq, Eq, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    run: Option<http::HeaderValue>,
    pub(super) replayed: bool,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn problem(&self) -> TestResult<String> {
        let problem: serde_json::Value = serde_json::from_slice(&self.body)?;
        let kind = problem["type"].as_str().ok_or("no problem")?;
        Ok(kind.trim_start_matches("urn:ipc:problem:").to_owned())
    }
}

pub(super) fn request(key: &str, body: &'static str) -> TestResult<Request<Body>> {
    let request = Request::post("http://orders/work").header("idempotency-key", key);
    Ok(request.body(Body::from(body))?)
}

#[tokio::test(start_paused = true)]
async fn a_repetition_gets_the_stored_reply_byte_for_byte_and_marked() -> TestResult {
    let (app, runs) = counting(numbered);
    let orders = Deduped::start(app, Idempotency::Optional).await?;
    let first = orders.call(request("k", "tea")?).await?;
    let again = orders.call(request("k", "tea")?).await?;
    assert!(!first.replayed);
    assert_eq!(first.status, StatusCode::CREATED);
    assert_eq!(
        again,
        Answer {
            replayed: true,
            ..first
        }
    );
    assert_eq!(runs.count(), 1);
    orders.end().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_repetition_while_the_first_runs_waits_for_its_reply() -> TestResult {
    let (go_on, running) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let runs = Runs::default();
    let handler = {
        let (go_on, running, runs) = (go_on.clone(), running.clone(), runs.clone());
        async move || {
            let run = runs.one_more();
            running.notify_one();
            go_on.notified().await;
            numbered(run)
        }
    };
    let app = Router::new().route("/work", post(handler));
    let orders = Deduped::start(app, Idempotency::Optional).await?;
    // Of another record key, so that its lane does not hold it back.
    let first = orders.call(keyed(request("k", "tea")?, "a"));
    let again = async {
        running.notified().await;
        let again = orders.call(keyed(request("k", "tea")?, "b"));
        let freed = async {
            tokio::time::sleep(TIMEOUT / 4).await;
            go_on.notify_one();
        };
        tokio::join!(again, freed).0
    };
    let (first, again) = tokio::join!(first, again);
    let (first, again) = (first?, again?);
    assert_eq!((first.replayed, again.replayed), (false, true));
    assert_eq!(first.body, again.body);
    assert_eq!(runs.count(), 1);
    orders.end().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_repetition_that_cannot_wait_any_longer_is_answered_409() -> TestResult {
    let running = Arc::new(Notify::new());
    let handler = {
        let running = running.clone();
        async move || {
            running.notify_one();
            std::future::pending::<()>().await;
        }
    };
    let app = Router::new().route("/work", post(handler));
    let store = MemoryStore::new(100);
    let orders = Deduped::with(app, Idempotency::Optional, store).await?;
    let first = orders.call(keyed(request("k", "tea")?, "a"));
    let again = async {
        running.notified().await;
        let mut again = keyed(request("k", "tea")?, "b");
        let options = again.extensions_mut();
        let mut hurried = options
            .remove::<ipc_core::client::Options>()
            .unwrap_or_default();
        hurried.timeout = Some(TIMEOUT / 2);
        options.insert(hurried);
        orders.call(again).await
    };
    let (first, again) = tokio::join!(first, again);
    let again = again?;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert_eq!(again.problem()?, "request-running");
    assert_eq!(first?.status, StatusCode::GATEWAY_TIMEOUT);
    orders.end().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_key_that_stands_for_another_request_is_refused() -> TestResult {
    let (app, runs) = counting(numbered);
    let orders = Deduped::start(app, Idempotency::Optional).await?;
    orders.call(request("k", "tea")?).await?;
    let other = orders.call(request("k", "coffee")?).await?;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(other.problem()?, "idempotency-key-reused");
    assert_eq!(runs.count(), 1);
    orders.end().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_request_without_the_key_it_must_have_is_refused() -> TestResult {
    let (app, runs) = counting(numbered);
    let orders = Deduped::start(app, Idempotency::Required).await?;
    let bare = Request::post("http://orders/work").body(Body::from("tea"))?;
    let refused = orders.call(bare).await?;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(refused.problem()?, "idempotency-key-missing");
    for unusable in [String::new(), "k".repeat(1025)] {
        let refused = orders.call(request(&unusable, "tea")?).await?;
        assert_eq!(refused.problem()?, "idempotency-key-unusable");
    }
    assert_eq!(runs.count(), 0);
    orders.end().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn requests_without_a_key_that_is_optional_are_handled_each_time() -> TestResult {
    let (app, runs) = counting(numbered);
    let orders = Deduped::start(app, Idempotency::Optional).await?;
    for _ in 0..2 {
        let bare = Request::post("http://orders/work").body(Body::from("tea"))?;
        orders.call(bare).await?;
    }
    assert_eq!(runs.count(), 2);
    orders.end().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_stored_and_a_failure_is_tried_again() -> TestResult {
    let (app, _) = counting(|run| match run {
        1 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        2 => StatusCode::TOO_MANY_REQUESTS.into_response(),
        3 => panic!("the third run panics"),
        4 => StatusCode::CONFLICT.into_response(),
        _ => StatusCode::OK.into_response(),
    });
    let orders = Deduped::start(app, Idempotency::Optional).await?;
    for (status, replayed) in [
        (500, false),
        (429, false),
        (500, false),
        (409, false),
        (409, true),
    ] {
        let answer = orders.call(request("k", "tea")?).await?;
        assert_eq!(
            (answer.status.as_u16(), answer.replayed),
            (status, replayed)
        );
    }
    orders.end().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_one_way_that_comes_again_is_done_once() -> TestResult {
    let (app, runs) = counting(numbered);
    let orders = Deduped::start(app, Idempotency::Optional).await?;
    for _ in 0..3 {
        let sent = request("k", "tea")?;
        orders.client.http_one_way(sent, Reserved::Refuse).await?;
    }
    // A call behind them in their lane: they have ended when it is answered.
    let last = orders.call(request("k", "tea")?).await?;
    assert!(last.replayed);
    assert_eq!(runs.count(), 1);
    orders.end().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_one_way_that_failed_may_be_claimed_again() -> TestResult {
    let (app, runs) = counting(|run| match run {
        1 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        _ => numbered(run),
    });
    let orders = Deduped::start(app, Idempotency::Optional).await?;
    let sent = request("k", "tea")?;
    orders.client.http_one_way(sent, Reserved::Refuse).await?;
    let behind = orders.call(request("k", "tea")?).await?;
    assert!(behind.replayed);
    assert_eq!(runs.count(), 2);
    orders.end().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_reply_in_chunks_is_stored_whole_and_one_too_large_is_said_to_be_gone() -> TestResult {
    const LARGE: usize = 3 * 1024 * 1024;
    let (app, runs) = counting(|_| vec![7_u8; LARGE].into_response());
    let dedup = Dedup::new(MemoryStore::new(10)).max_reply(LARGE);
    let orders = Deduped::with(app.clone(), Idempotency::Optional, dedup).await?;
    let first = orders.call(request("k", "tea")?).await?;
    let again = orders.call(request("k", "tea")?).await?;
    assert_eq!((first.body.len(), again.replayed), (LARGE, true));
    assert!(first.body == again.body, "the bodies differ");
    orders.end().await;

    let dedup = Dedup::new(MemoryStore::new(10)).max_reply(LARGE - 1);
    let orders = Deduped::with(app, Idempotency::Optional, dedup).await?;
    let first = orders.call(request("k", "tea")?).await?;
    assert_eq!(first.body.len(), LARGE);
    let again = orders.call(request("k", "tea")?).await?;
    assert_eq!(again.problem()?, "reply-not-kept");
    assert!(again.replayed);
    assert_eq!(runs.count(), 2);
    orders.end().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn work_of_an_owner_that_died_is_taken_over_under_a_higher_fence() -> TestResult {
    let store = MemoryStore::new(10);
    let handler = async |Fence(fence): Fence| fence.to_string();
    let app = Router::new().route("/work", post(handler));
    let orders = Deduped::with(app, Idempotency::Optional, store.clone()).await?;
    let id = WorkId {
        scope: Arc::from("orders POST /work"),
        key: Bytes::from_static(b"k"),
    };
    let fingerprint = Fingerprint::of(&[b"POST", b"/work", b"", b"tea"]);
    let mut dead = ClaimRequest::new(id, fingerprint, "orders/dead");
    dead.lease = TIMEOUT / 2;
    let Claim::Granted(held) = store.claim(&dead).await? else {
        return Err("not granted".into());
    };
    let lower = held.fence().0;
    let answer = orders.call(request("k", "tea")?).await?;
    let fence: u64 = std::str::from_utf8(&answer.body)?.parse()?;
    assert!(fence > lower, "{fence} after {lower}");
    drop(held);
    let again = orders.call(request("k", "tea")?).await?;
    assert!(
        again.replayed,
        "the dead owner took its successor's reply away"
    );
    orders.end().await;
    Ok(())
}

async fn faults(service: ServiceBuilder) -> String {
    let app = Router::new().route("/work", post(async || ()));
    match service.serve(app).start().await {
        Ok(_) => "none".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_kept_is_refused_at_the_start() -> TestResult {
    let system = System::new();
    let service = || {
        let policy = policy(Idempotency::Optional);
        system.service("orders").default_policy(policy)
    };
    let missing = faults(service()).await;
    assert!(missing.contains("no dedup store"), "{missing}");
    let empty = faults(service().dedup(MemoryStore::new(0))).await;
    assert!(empty.contains("keeps 0 replies"), "{empty}");

    let mut contradicting = policy(Idempotency::Derived);
    contradicting.mode = Mode::Stream;
    contradicting.guarantee = Guarantee::AtMostOnce;
    let service = system.service("orders").default_policy(contradicting);
    let both = faults(service.dedup(MemoryStore::new(1))).await;
    assert!(both.contains("is a stream and at most once"), "{both}");
    assert!(
        both.contains("is at most once and asks for stored"),
        "{both}"
    );
    Ok(())
}
