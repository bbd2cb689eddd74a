//! Callers that give up, deadlines that pass, and handlers that want to know.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Json, State};
use axum::routing::{get, post};
use axum::{
    Router,
    body::{Body, Bytes},
};
use bytestring::ByteString;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{Request, StatusCode};
use ipc_core::dispatch::{Idempotency, Policy};
use ipc_core::envelope::control::Control;
use ipc_core::envelope::{
    CallerId, CorrelationId, Deadline, Envelope, Headers, ReplyAddress, RequestHead, UnixMillis,
    names,
};
use ipc_core::extract::CancellationToken;
use ipc_core::http::Reserved;
use ipc_core::response::Replies;
use ipc_core::routing::App;
use ipc_core::store::MemoryStore;
use ipc_core::{endpoint, endpoints};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::dedup::{Deduped, Runs, request};
use super::system::{Stopped, System, TestResult, keyed};

/// What handlers tell a test.
type Told = mpsc::Sender<&'static str>;

/// Long beyond anything that is waited for here.
const HOUR: Duration = Duration::from_secs(60 * 60);

async fn next(heard: &mut mpsc::Receiver<&'static str>) -> TestResult<&'static str> {
    let heard = tokio::time::timeout(HOUR, heard.recv()).await?;
    Ok(heard.ok_or("nobody speaks any more")?)
}

/// Finishes what it has begun when its caller gives up.
async fn thorough(State(told): State<Told>, cancelled: CancellationToken) -> StatusCode {
    let tell = async |what| {
        told.send(what)
            .await
            .map_or(StatusCode::GONE, |()| StatusCode::OK)
    };
    tell("begun").await;
    cancelled.cancelled().await;
    tell("told").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    tell("finished").await
}

/// The same, as an endpoint of a contract.
#[endpoint(POST "/exports/{id}", timeout = "20s")]
async fn export(
    told: State<Told>,
    axum::extract::Path(_): axum::extract::Path<u32>,
    cancelled: CancellationToken,
) -> Result<Json<bool>, StatusCode> {
    thorough(told, cancelled).await;
    Ok(Json(true))
}

#[tokio::test(start_paused = true)]
async fn a_handler_with_the_token_is_told_and_finishes_before_its_lane_goes_on() -> TestResult {
    let system = System::new();
    let (told, mut heard) = mpsc::channel(8);
    let note = async |State(told): State<Told>| {
        told.send("next")
            .await
            .map_or(StatusCode::GONE, |()| StatusCode::OK)
    };
    let app = Router::new()
        .route("/work", post(thorough))
        .route("/note", post(note))
        .with_state(told);
    // Every instance hears of the cancel; one holds the request.
    let one = system.service("orders").serve(app.clone()).start().await?;
    let other = system.service("orders").serve(app).start().await?;
    let client = system.client("web").await?;
    for key in ["a", "b", "c", "d"] {
        let work = Request::post("http://orders/work").body(Body::empty())?;
        let work = client.clone().oneshot(keyed(work, key));
        tokio::select! {
            _ = work => return Err("the call was answered".into()),
            begun = next(&mut heard) => assert_eq!(begun?, "begun"),
        }
        let after = Request::post("http://orders/note").body(Body::empty())?;
        let answer = client.clone().oneshot(keyed(after, key)).await?;
        assert_eq!(answer.status(), StatusCode::OK);
        for expected in ["told", "finished", "next"] {
            assert_eq!(next(&mut heard).await?, expected);
        }
    }
    client.close().await;
    one.stop().await;
    other.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_token_is_an_argument_of_typed_endpoints() -> TestResult {
    let system = System::new();
    let (told, mut heard) = mpsc::channel(8);
    let app: App = App::new().endpoints(endpoints![export])?.with_state(told);
    let service = system.service("orders").serve(app).start().await?;
    let client = system.client("web").await?;
    let orders = client.service("orders");
    tokio::select! {
        _ = orders.call(export::request(7)) => return Err("the call was answered".into()),
        begun = next(&mut heard) => assert_eq!(begun?, "begun"),
    }
    for expected in ["told", "finished"] {
        assert_eq!(next(&mut heard).await?, expected);
    }
    client.close().await;
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_handler_with_the_token_is_told_before_its_deadline_and_dropped_at_it() -> TestResult {
    let system = System::new();
    let (told, mut heard) = mpsc::channel(8);
    let begun = Instant::now();
    let stubborn = async |State(told): State<mpsc::Sender<Duration>>, token: CancellationToken| {
        let begun = Instant::now();
        let dropped = Arc::new(Notify::new());
        let _held = Stopped(dropped);
        token.cancelled().await;
        let _ = told.send(begun.elapsed()).await;
        std::future::pending::<()>().await;
    };
    let app = Router::new()
        .route("/work", post(stubborn))
        .with_state(told);
    let mut policy = Policy::new("POST /work");
    policy.timeout = Duration::from_secs(4);
    let service = system.service("orders").default_policy(policy);
    let service = service.serve(app).start().await?;
    let client = system.client("web").await?;
    let mut letters = system.watch("orders.dlq", 1).await?;

    let call = Request::post("http://orders/work").body(Body::empty())?;
    let answer = client.clone().oneshot(call).await?;
    assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
    let one_way = Request::post("http://orders/work").body(Body::empty())?;
    client.http_one_way(one_way, Reserved::Refuse).await?;
    let letter = letters.next().await?;
    let reason = letter.envelope.headers.get_str(names::DLQ_REASON);
    assert_eq!(reason, Some("timeout"));
    for _ in ["call", "one-way"] {
        // By a paused clock, to its tick.
        let told = heard.recv().await.ok_or("it was not told")?;
        let expected = Duration::from_millis(3600);
        assert!(
            told.abs_diff(expected) <= Duration::from_millis(2),
            "{told:?}"
        );
    }
    assert!(
        begun.elapsed() >= Duration::from_secs(8),
        "dropped too soon"
    );
    client.close().await;
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_a_told_handler_finishes_is_stored_for_its_repetition() -> TestResult {
    let runs = Runs::default();
    let begun = Arc::new(Notify::new());
    let handler = {
        let (runs, begun) = (runs.clone(), Arc::clone(&begun));
        async move |cancelled: CancellationToken| {
            begun.notify_one();
            cancelled.cancelled().await;
            format!("run {}", runs.one_more())
        }
    };
    let app = Router::new().route("/work", post(handler));
    let store = MemoryStore::new(10);
    let orders = Deduped::with(app, Idempotency::Required, store).await?;
    tokio::select! {
        _ = orders.call(request("k", "tea")?) => return Err("the call was answered".into()),
        () = begun.notified() => {}
    }
    let answer = orders.call(request("k", "tea")?).await?;
    assert!(answer.replayed, "{answer:?}");
    assert_eq!(runs.count(), 1);
    orders.end().await;
    Ok(())
}

/// One reply, and then nothing more; what it started beside that wants to know.
#[endpoint(GET "/ticks", stream)]
async fn ticks(State(told): State<Told>, cancelled: CancellationToken) -> Replies<u32> {
    let rest = stream::once(async move {
        cancelled.cancelled().await;
        0
    });
    let held = Held(told);
    let rest = rest.inspect(move |_| {
        let _held = &held;
    });
    Replies::new(stream::iter([7]).chain(rest).chain(stream::pending()))
}

/// Tells when it is dropped.
struct Held(Told);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.try_send("dropped");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_stream_ends_with_its_caller_whatever_its_handler_extracted() -> TestResult {
    let system = System::new();
    let (told, mut heard) = mpsc::channel(8);
    let app: App = App::new().endpoints(endpoints![ticks])?.with_state(told);
    let service = system.service("clock").serve(app).start().await?;
    let client = system.client("web").await?;
    let mut replies = client.service("clock").stream(ticks::request()).await?;
    assert_eq!(replies.try_next().await?, Some(7));
    drop(replies);
    assert_eq!(next(&mut heard).await?, "dropped");
    client.close().await;
    service.stop().await;
    Ok(())
}

/// A call as it lies in the log, answered to `web.replies`.
fn call(id: &'static str, path: &'static str, deadline: Option<UnixMillis>) -> Envelope {
    let head = RequestHead {
        correlation_id: Some(CorrelationId::from(Bytes::from_static(id.as_bytes()))),
        reply_to: Some(ReplyAddress {
            topic: ByteString::from_static("web.replies"),
            partition: None,
        }),
        method: Some(ByteString::from_static("POST")),
        path: Some(ByteString::from_static(path)),
        deadline: deadline.map(|at| Deadline { at, budget: None }),
        ..RequestHead::default()
    };
    let mut headers = Headers::new();
    headers.push_static("content-type", "application/json");
    head.write(&mut headers);
    let payload = Some("no JSON".into());
    Envelope {
        headers,
        key: None,
        payload,
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_overtakes_its_request_keeps_it_from_beginning() -> TestResult {
    let system = System::new();
    let (told, mut heard) = mpsc::channel(8);
    let plain =
        async |State(told): State<Told>| told.send("plain").await.map_err(|_| StatusCode::GONE);
    let with_token = async |State(told): State<Told>, _: CancellationToken| {
        told.send("token").await.map_err(|_| StatusCode::GONE)
    };
    let other =
        async |State(told): State<Told>| told.send("other").await.map_err(|_| StatusCode::GONE);
    let app = Router::new()
        .route("/plain", post(plain))
        .route("/token", post(with_token))
        .route("/other", post(other))
        .with_state(told);
    system.topic("web.replies", 1).await?;
    let service = system.service("orders").create_topics(1).serve(app);
    let service = service.start().await?;
    for id in ["1", "2"] {
        let cancel = Control::Cancel {
            correlation_id: CorrelationId::from(Bytes::from_static(id.as_bytes())),
            caller: CallerId::from(ByteString::from_static("web/1")),
        };
        system.send("orders.control", cancel.to_envelope()).await?;
    }
    // The control topic is another one: nothing orders its records before these but
    // that its reader has had them.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for (id, path) in [("1", "/plain"), ("2", "/token"), ("3", "/other")] {
        system.send("orders.requests", call(id, path, None)).await?;
    }
    assert_eq!(next(&mut heard).await?, "other");
    service.stop().await;
    assert!(heard.is_empty(), "one that was cancelled ran");
    assert_eq!(system.committed("orders", 0), Some(3));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_call_past_its_deadline_is_answered_504_before_its_body_is_read() -> TestResult {
    let system = System::new();
    let app = Router::new()
        .route("/json", post(async |Json(_): Json<u32>| "read"))
        .route("/alive", get(async || ()));
    system.topic("web.replies", 1).await?;
    let service = system.service("orders").create_topics(1).serve(app);
    let service = service.start().await?;
    let mut replies = system.watch("web.replies", 1).await?;
    let past = system.now().minus(Duration::from_secs(1));
    let future = system.now().plus(HOUR);
    for (deadline, status) in [(past, "504"), (future, "400")] {
        let request = call("7", "/json", Some(deadline));
        system.send("orders.requests", request).await?;
        let reply = replies.next().await?.envelope;
        assert_eq!(reply.headers.get_str(names::STATUS), Some(status));
    }
    service.stop().await;
    Ok(())
}
