//! The three modes, and many calls at once.

use std::{convert::Infallible, sync::Arc};

use anyhow::{Context, Result, ensure};
use axum::{
    Router,
    extract::Path,
    response::sse::{Event, Sse},
    routing::{get, post},
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use harness::{Stage, call, keyed, within};
use http::StatusCode;
use http_body_util::BodyExt as _;
use ipc_core::http::Reserved;
use tokio::sync::{Notify, mpsc};
use tower::ServiceExt as _;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_answered_with_status_headers_and_body() -> Result<()> {
    let stage = Stage::new("call");
    let echo = |body: String| async { (StatusCode::CREATED, [("x-kind", "echo")], body) };
    let app = Router::new().route("/echo", post(echo));
    let service = stage.service(3).serve(app).start().await?;
    let client = stage.client().await?;

    let response = client
        .clone()
        .oneshot(stage.post("/echo", "a body"))
        .await?;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers()["x-kind"], "echo");
    assert_eq!(response.into_body().collect().await?.to_bytes(), "a body");
    assert_eq!(client.pending(), 0);

    service.stop().await;
    client.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_calls_at_once_get_each_their_own_answer() -> Result<()> {
    const CALLS: u32 = 10_000;
    let stage = Stage::new("many");
    let echo = |Path(number): Path<u32>, body: String| async move { format!("{number} {body}") };
    let app = Router::new().route("/echo/{number}", post(echo));
    let service = stage.service(4).serve(app).start().await?;
    let client = stage.client().await?;

    let answered = stream::iter(0..CALLS)
        .map(|number| {
            let request = stage.post(&format!("/echo/{number}"), format!("body {number}"));
            // A third each: one hot key, many keys, none.
            let request = match number % 3 {
                0 => keyed(request, "hot"),
                1 => keyed(request, number.to_be_bytes().to_vec()),
                _ => request,
            };
            let client = &client;
            async move {
                let (status, body) = call(client, request).await?;
                ensure!(status == StatusCode::OK, "call {number} got {status}");
                ensure!(
                    body == format!("{number} body {number}"),
                    "call {number} got {body:?}"
                );
                Ok(())
            }
        })
        .buffer_unordered(256)
        .try_fold(0, |sum, ()| async move { Ok(sum + 1) })
        .await?;
    assert_eq!(answered, CALLS);
    assert_eq!(client.pending(), 0);

    service.stop().await;
    client.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_one_way_is_done_once_and_nobody_is_answered() -> Result<()> {
    let stage = Stage::new("one-way");
    let (done, mut works) = mpsc::channel(8);
    let note = move |body: String| {
        let done = done.clone();
        async move { done.send(body).await.map_err(|_| StatusCode::GONE) }
    };
    let app = Router::new().route("/note", post(note));
    let service = stage.service(1).serve(app).start().await?;
    let client = stage.client().await?;

    for work in ["first", "second"] {
        let request = keyed(stage.post("/note", work), "key");
        client.http_one_way(request, Reserved::Refuse).await?;
    }
    for work in ["first", "second"] {
        assert_eq!(
            within("the work", works.recv()).await?.as_deref(),
            Some(work)
        );
    }
    let (status, _) = call(&client, stage.post("/note", "asked")).await?;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        within("the work", works.recv()).await?.as_deref(),
        Some("asked")
    );
    assert!(works.is_empty());

    service.stop().await;
    client.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_of_a_stream_arrives_while_the_next_is_not_sent_yet() -> Result<()> {
    const EVENTS: usize = 50;
    let stage = Stage::new("stream");
    let go_on = Arc::new(Notify::new());
    let gate = Arc::clone(&go_on);
    let events = move || {
        let gate = Arc::clone(&gate);
        async move {
            Sse::new(stream::iter(0..EVENTS).then(move |number| {
                let gate = Arc::clone(&gate);
                async move {
                    gate.notified().await;
                    Ok::<_, Infallible>(Event::default().data(format!("event {number}")))
                }
            }))
        }
    };
    let app = Router::new().route("/events", get(events));
    let service = stage.service(1).serve(app).start().await?;
    let client = stage.client().await?;

    let response = client.clone().oneshot(stage.get("/events")).await?;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    for number in 0..EVENTS {
        go_on.notify_one();
        let frame = within("the next event", body.frame()).await?;
        let data = frame.context("the stream ended early")??.into_data();
        let data = data.ok().context("no data")?;
        assert_eq!(data, format!("data: event {number}\n\n"));
    }
    assert!(within("the end", body.frame()).await?.is_none());
    assert_eq!(client.pending(), 0);

    service.stop().await;
    client.close().await;
    Ok(())
}
