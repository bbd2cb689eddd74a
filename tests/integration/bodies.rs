//! Bodies larger than a record.

use std::sync::Arc;

use anyhow::{Context, Result};
use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, State},
    response::sse::{Event, Sse},
    routing::{get, post},
};
use bytes::Bytes;
use futures_util::stream;
use harness::{Stage, call, within};
use http::StatusCode;
use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use tower::ServiceExt as _;

/// So many bytes, of which no two records' worth are the same.
fn body(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at / 1000 % 251) as u8).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_of_16_mb_crosses_whole() -> Result<()> {
    const SIZE: usize = 16 * 1024 * 1024;
    let stage = Stage::new("large");
    let app = Router::new().route("/large", get(async || body(SIZE)));
    let service = stage.service(1).serve(app).start().await?;
    let client = stage.client().await?;

    let (status, large) = call(&client, stage.get("/large")).await?;
    assert_eq!(status, StatusCode::OK);
    assert!(large == body(SIZE), "{} bytes, or others", large.len());

    let response = client.clone().oneshot(stage.get("/large")).await?;
    let dropped: Body = response.into_body();
    drop(dropped);
    let (status, large) = call(&client, stage.get("/large")).await?;
    assert_eq!((status, large.len()), (StatusCode::OK, SIZE));

    service.stop().await;
    client.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_of_6_mb_crosses_whole() -> Result<()> {
    const SIZE: usize = 6 * 1024 * 1024;
    let stage = Stage::new("upload");
    let received = Arc::new(Mutex::new(Bytes::new()));
    let keep = async |State(received): State<Arc<Mutex<Bytes>>>, body: Bytes| {
        *received.lock() = body;
    };
    let app = Router::new()
        .route("/large", post(keep))
        .layer(DefaultBodyLimit::disable())
        .with_state(Arc::clone(&received));
    let service = stage.service(2).serve(app).start().await?;
    let client = stage.client().await?;
    let answer = call(&client, stage.post("/large", body(SIZE)));
    let (status, _) = within("the answer", answer).await??;
    assert_eq!(status, StatusCode::OK);
    let large = std::mem::take(&mut *received.lock());
    assert!(large == body(SIZE), "{} bytes, or others", large.len());
    service.stop().await;
    client.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_larger_than_a_record_ends_its_stream_with_an_error() -> Result<()> {
    const SIZE: usize = 2 * 1024 * 1024;
    let stage = Stage::new("large-event");
    let events = || async {
        let events = ["small".to_owned(), "x".repeat(SIZE), "never".to_owned()];
        let events = events.map(|data| Ok::<_, std::io::Error>(Event::default().data(data)));
        Sse::new(stream::iter(events))
    };
    let app = Router::new().route("/events", get(events));
    let service = stage.service(1).serve(app).start().await?;
    let client = stage.client().await?;

    let response = client.clone().oneshot(stage.get("/events")).await?;
    let mut body = response.into_body();
    let first = within("the first event", body.frame())
        .await?
        .context("no event")??;
    assert_eq!(
        first.into_data().ok().context("no data")?,
        "data: small\n\n"
    );
    let second = within("the end", body.frame())
        .await?
        .context("a good end")?;
    let error = second.err().context("an event")?.to_string();
    assert!(error.contains("does not fit one record"), "{error}");
    assert!(within("silence", body.frame()).await?.is_none());
    service.stop().await;
    client.close().await;
    Ok(())
}
