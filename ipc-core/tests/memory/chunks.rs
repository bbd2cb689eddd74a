//! Requests in several records.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use bytestring::ByteString;
use http::{Request, StatusCode};
use ipc_core::dispatch::{Guarantee, Limits, Policy};
use ipc_core::envelope::{
    CorrelationId, Envelope, Headers, ReplyAddress, ReplyHead, RequestHead, names,
};
use ipc_core::service::{Serve, Service, ServiceBuilder};
use ipc_core::transport::TopicSpec;
use tower::ServiceExt as _;

use super::system::{System, TestResult, Watch};

const MIB: usize = 1024 * 1024;

fn echo() -> Router {
    Router::new()
        .route("/echo", post(async |body: Bytes| body))
        .layer(DefaultBodyLimit::disable())
}

fn orders(system: &System) -> ServiceBuilder {
    system.service("orders").create_topics(1)
}

/// Starts a service, and listens where the answers to its requests go.
async fn served(system: &System, service: Serve<Router>) -> TestResult<(Service, Watch)> {
    let service = service.start().await?;
    system.topic("raw.replies", 1).await?;
    Ok((service, system.watch("raw.replies", 1).await?))
}

/// A request whose answer is to go to `raw.replies`.
fn record(id: &CorrelationId, chunk: Option<u32>, end: bool, body: &'static str) -> Envelope {
    let head = RequestHead {
        correlation_id: Some(id.clone()),
        reply_to: Some(ReplyAddress::new("raw.replies", Some(0))),
        method: Some("POST".into()),
        path: Some("/echo".into()),
        caller: Some(ByteString::from_static("raw/1").into()),
        chunk,
        end,
        ..RequestHead::default()
    };
    let mut headers = Headers::new();
    head.write(&mut headers);
    Envelope {
        headers,
        key: Some(Bytes::from_static(b"key")),
        payload: Some(Bytes::from_static(body.as_bytes())),
    }
}

/// The status, where this is the answer to `id`.
fn status(record: &Envelope, id: &CorrelationId) -> Option<u16> {
    // Credit for chunks carries the correlation id too.
    let answers = record.headers.get_str(names::CONTROL).is_none();
    let head = ReplyHead::parse(&record.headers).filter(|_| answers)?;
    (head.correlation_id == *id).then_some(head.status)
}

/// How `id` is answered, whatever else is told before.
async fn answered(replies: &mut Watch, id: &CorrelationId) -> TestResult<u16> {
    loop {
        if let Some(status) = status(&replies.next().await?.envelope, id) {
            return Ok(status);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_chunk_without_its_beginning_is_finished_in_silence() -> TestResult {
    let system = System::new();
    let (service, mut replies) = served(&system, orders(&system).serve(echo())).await?;
    let letters = system.watch("orders.dlq", 1).await?;
    let (orphan, whole) = (CorrelationId::random(), CorrelationId::random());
    let topic = "orders.requests";
    system
        .send(topic, record(&orphan, Some(1), true, "rest"))
        .await?;
    system
        .send(topic, record(&whole, None, false, "all"))
        .await?;

    let reply = replies.next().await?;
    let head = ReplyHead::parse(&reply.envelope.headers).ok_or("not a reply")?;
    assert_eq!((head.correlation_id, head.status), (whole, 200));
    assert_eq!(reply.envelope.payload.as_deref(), Some(&b"all"[..]));
    service.stop().await;
    assert!(replies.is_empty() && letters.is_empty());
    assert_eq!(system.committed("orders", 0), Some(2));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_request_in_chunks_that_starts_over_is_handled_once() -> TestResult {
    let system = System::new();
    let (service, mut replies) = served(&system, orders(&system).serve(echo())).await?;
    let id = CorrelationId::random();
    for (chunk, end, body) in [
        (0, false, "a"),
        (1, false, "b"),
        (0, false, "a"),
        (1, true, "b"),
    ] {
        let record = record(&id, Some(chunk), end, body);
        system.send("orders.requests", record).await?;
    }
    let answer = loop {
        let reply = replies.next().await?.envelope;
        if status(&reply, &id) == Some(200) {
            break reply;
        }
    };
    assert_eq!(answer.payload.as_deref(), Some(&b"ab"[..]));
    service.stop().await;
    while !replies.is_empty() {
        let record = replies.next().await?.envelope;
        assert_eq!(status(&record, &id), None, "answered twice");
    }
    assert_eq!(system.committed("orders", 0), Some(4));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn chunks_given_up_make_room_in_a_full_window() -> TestResult {
    let system = System::new();
    let mut limits = Limits::default();
    limits.window = 3;
    let mut policy = Policy::new("orders");
    policy.timeout = Duration::from_secs(120);
    let service = orders(&system).limits(limits).default_policy(policy);
    let (service, mut replies) = served(&system, service.serve(echo())).await?;
    let (lost, whole) = (CorrelationId::random(), CorrelationId::random());
    for chunk in 0..3 {
        let record = record(&lost, Some(chunk), false, "lost");
        system.send("orders.requests", record).await?;
        assert!(status(&replies.next().await?.envelope, &whole).is_none());
    }
    // The window is full of a request whose end never comes.
    let record = record(&whole, None, false, "all");
    system.send("orders.requests", record).await?;
    assert_eq!(answered(&mut replies, &whole).await?, 200);
    service.stop().await;
    assert_eq!(system.committed("orders", 0), Some(4));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn at_most_once_work_behind_skipped_chunks_has_its_turn() -> TestResult {
    let system = System::new();
    let mut policy = Policy::new("orders");
    policy.guarantee = Guarantee::AtMostOnce;
    let service = orders(&system).default_policy(policy);
    let (service, mut replies) = served(&system, service.serve(echo())).await?;
    let (lost, whole) = (CorrelationId::random(), CorrelationId::random());
    for record in [
        record(&lost, Some(0), false, "lost"),
        record(&whole, None, false, "all"),
        record(&lost, Some(2), true, "lost"),
    ] {
        system.send("orders.requests", record).await?;
    }
    assert_eq!(answered(&mut replies, &whole).await?, 200);
    service.stop().await;
    assert_eq!(system.committed("orders", 0), Some(3));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_reply_larger_than_its_topic_takes_is_told_as_502() -> TestResult {
    let system = System::new();
    let service = system
        .service("orders")
        .create_topics(1)
        .serve(Router::new().route("/echo", post(async || "x".repeat(2000))))
        .start()
        .await?;
    let small = TopicSpec::new("raw.replies", 1).with("max.message.bytes", 1500);
    system.topic_like(small).await?;
    let mut replies = system.watch("raw.replies", 1).await?;
    let id = CorrelationId::random();
    system
        .send("orders.requests", record(&id, None, false, "ask"))
        .await?;
    let reply = replies.next().await?;
    let head = ReplyHead::parse(&reply.envelope.headers).ok_or("not a reply")?;
    assert_eq!((head.correlation_id, head.status), (id, 502));
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_request_larger_than_a_record_arrives_whole() -> TestResult {
    let system = System::new();
    let service = system.service("orders").serve(echo()).start().await?;
    let client = system.client("web").await?;
    let sent: Bytes = (0..6 * MIB).map(|at| (at / 1000 % 251) as u8).collect();
    let request = Request::post("http://orders/echo").body(Body::from(sent.clone()))?;
    let answer = client.clone().oneshot(request).await?;
    assert_eq!(answer.status(), StatusCode::OK);
    let echoed = to_bytes(answer.into_body(), sent.len()).await?;
    assert!(echoed == sent, "{} bytes, or others", echoed.len());
    client.close().await;
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_request_larger_than_any_may_be_is_answered_413() -> TestResult {
    let system = System::new();
    let service = system.service("orders").serve(echo()).start().await?;
    let client = system.client("web").await?;
    let request = |size| Request::post("http://orders/echo").body(Body::from(vec![7; size]));
    let refused = client.clone().oneshot(request(32 * MIB + 1)?).await?;
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let largest = client.clone().oneshot(request(32 * MIB)?).await?;
    assert_eq!(largest.status(), StatusCode::OK);
    assert_eq!(
        to_bytes(largest.into_body(), 32 * MIB).await?.len(),
        32 * MIB
    );
    client.close().await;
    service.stop().await;
    Ok(())
}
