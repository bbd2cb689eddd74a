//! Kafka facts in handlers.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use bytes::Bytes;
use http_body_util::BodyExt;
use ipc_core::dispatch::Outcome;
use ipc_core::envelope::{CallerId, RequestHead, UnixMillis, names};
use ipc_core::extract::{
    Attempt, Caller, CorrelationId, Deadline, Envelope, IdempotencyKey, Key, Offset, Partition,
    Shadow,
};
use serde_json::Value;
use tower::ServiceExt;

use crate::carry::{CALL, decode, deliver, encode, outcome};

/// One route for each extractor, and one for each as an `Option`.
fn facts() -> Router {
    macro_rules! routes {
        ($($path:literal $fact:ty: $show:expr),+ $(,)?) => {
            Router::new()$(
                .route(concat!("/", $path), get(|fact: $fact| async move { ($show)(fact) }))
                .route(
                    concat!("/option/", $path),
                    get(|fact: Option<$fact>| async move { fact.map_or("none".into(), $show) }),
                )
            )+
        };
    }
    routes! {
        "correlation-id" CorrelationId: |id: CorrelationId| id.to_string(),
        "deadline" Deadline: |deadline: Deadline| deadline.at.0.to_string(),
        "attempt" Attempt: |Attempt(attempt)| attempt.to_string(),
        "key" Key: |Key(key): Key| key.escape_ascii().to_string(),
        "partition" Partition: |Partition(partition)| partition.to_string(),
        "offset" Offset: |Offset(offset)| offset.to_string(),
        "idempotency-key" IdempotencyKey: |IdempotencyKey(key)| key.to_string(),
        "caller" Caller: |Caller(caller)| caller.to_string(),
        "envelope" Envelope: |envelope: Envelope| envelope.headers.get_str("no token").unwrap_or("").to_owned(),
    }
}

fn ask(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

/// The record a caller makes that says all there is to say.
async fn complete(path: &str) -> ipc_core::envelope::Envelope {
    let mut request = ask(path);
    request
        .headers_mut()
        .insert("idempotency-key", "op-1".parse().unwrap());
    let mut record = encode(request, CALL).await;
    let more = RequestHead {
        deadline: Some(ipc_core::envelope::Deadline::after(
            UnixMillis(1_000),
            Duration::from_secs(1),
        )),
        caller: Some(CallerId::from(bytestring::ByteString::from_static(
            "shop/1",
        ))),
        attempt: 3,
        ..RequestHead::default()
    };
    more.write(&mut record.headers);
    record
        .headers
        .push_static("no token", Bytes::from_static(b"kept"));
    record.key = Some(Bytes::from_static(b"\xffkey"));
    record
}

async fn answer(record: ipc_core::envelope::Envelope) -> axum::http::Response<Bytes> {
    match outcome(facts(), deliver(record, CALL.mode)).await {
        Outcome::Reply(reply) => decode(reply).await,
        other => panic!("a call is always answered, not {other:?}"),
    }
}

#[tokio::test]
async fn every_fact_of_a_record_can_be_had() {
    for (path, expected) in [
        ("correlation-id", "call-1"),
        ("deadline", "2000"),
        ("attempt", "3"),
        ("key", "\\xffkey"),
        ("partition", "orders.requests[3]"),
        ("offset", "42"),
        ("idempotency-key", "op-1"),
        ("caller", "shop/1"),
        ("envelope", "kept"),
    ] {
        for prefix in ["/", "/option/"] {
            let answer = answer(complete(&format!("{prefix}{path}")).await).await;
            assert_eq!(answer.status(), 200, "{path}");
            assert_eq!(answer.body(), expected, "{path}");
        }
    }
}

#[tokio::test]
async fn what_a_record_lacks_is_a_problem_and_an_option_none() {
    for path in [
        "correlation-id",
        "deadline",
        "key",
        "idempotency-key",
        "caller",
    ] {
        let mut record = encode(ask(&format!("/{path}")), CALL).await;
        record.headers.remove(names::CORRELATION_ID);
        let Outcome::Reply(reply) = outcome(facts(), deliver(record, CALL.mode)).await else {
            panic!("a call is always answered");
        };
        let refused = decode(reply).await;
        assert_eq!(refused.status(), 400, "{path}");
        assert_eq!(
            refused.headers()["content-type"],
            "application/problem+json"
        );
        let problem: Value = serde_json::from_slice(refused.body()).unwrap();
        assert_eq!(problem["type"], "urn:ipc:problem:missing-fact", "{path}");

        let mut record = encode(ask(&format!("/option/{path}")), CALL).await;
        record.headers.remove(names::CORRELATION_ID);
        assert_eq!(answer(record).await.body(), "none", "{path}");
    }
}

#[tokio::test]
async fn over_plain_http_only_the_idempotency_key_is_there() {
    for path in [
        "correlation-id",
        "deadline",
        "attempt",
        "key",
        "partition",
        "offset",
        "caller",
        "envelope",
    ] {
        let refused = facts().oneshot(ask(&format!("/{path}"))).await.unwrap();
        assert_eq!(refused.status(), 500, "{path}");
        let body = refused.into_body().collect().await.unwrap().to_bytes();
        let problem: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem["type"], "urn:ipc:problem:not-kafka", "{path}");

        let none = facts()
            .oneshot(ask(&format!("/option/{path}")))
            .await
            .unwrap();
        assert_eq!(none.status(), 200, "{path}");
    }
    let mut request = ask("/idempotency-key");
    request
        .headers_mut()
        .insert("idempotency-key", "op-1".parse().unwrap());
    assert_eq!(facts().oneshot(request).await.unwrap().status(), 200);
    let absent = facts().oneshot(ask("/idempotency-key")).await.unwrap();
    assert_eq!(absent.status(), 400);
}

#[tokio::test]
async fn a_request_over_plain_http_is_never_a_shadow() {
    let app = Router::new().route("/", get(async |Shadow(shadow): Shadow| shadow.to_string()));
    let request = Request::get("/").header(names::SHADOW, "1");
    let answer = app.oneshot(request.body(Body::empty()).unwrap()).await;
    let body = answer.unwrap().into_body().collect().await.unwrap();
    assert_eq!(body.to_bytes(), "false");
}
