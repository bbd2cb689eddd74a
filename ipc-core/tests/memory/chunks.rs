//! Requests in several records.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use http::{Request, StatusCode};
use ipc_core::envelope::{CorrelationId, Envelope, Headers, ReplyAddress, ReplyHead, RequestHead};
use tower::ServiceExt as _;

use super::system::{System, TestResult};

const MIB: usize = 1024 * 1024;

fn echo() -> Router {
    Router::new()
        .route("/echo", post(async |body: Bytes| body))
        .layer(DefaultBodyLimit::disable())
}

/// A request whose answer is to go to `raw.replies`.
fn record(id: &CorrelationId, chunk: Option<u32>, body: &'static str) -> Envelope {
    let head = RequestHead {
        correlation_id: Some(id.clone()),
        reply_to: Some(ReplyAddress::new("raw.replies", Some(0))),
        method: Some("POST".into()),
        path: Some("/echo".into()),
        chunk,
        end: chunk.is_some(),
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

#[tokio::test(start_paused = true)]
async fn a_chunk_without_its_beginning_is_finished_in_silence() -> TestResult {
    let system = System::new();
    let service = system
        .service("orders")
        .create_topics(1)
        .serve(echo())
        .start()
        .await?;
    system.topic("raw.replies", 1).await?;
    let mut replies = system.watch("raw.replies", 1).await?;
    let letters = system.watch("orders.dlq", 1).await?;
    let (orphan, whole) = (CorrelationId::random(), CorrelationId::random());
    let topic = "orders.requests";
    system.send(topic, record(&orphan, Some(1), "rest")).await?;
    system.send(topic, record(&whole, None, "all")).await?;

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
