//! Promises beside the usual one: at most once, and streams that hold nobody up.

use std::{convert::Infallible, future::pending, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::sse::{Event, Sse},
    routing::{get, post},
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use harness::{Log, Raw, Stage, call, eventually, keyed, within};
use http_body_util::BodyExt as _;
use ipc_core::dispatch::{Guarantee, Limits, Policy};
use tokio::sync::{Semaphore, mpsc};
use tower::ServiceExt as _;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_most_once_commits_before_it_runs_and_never_runs_again() -> Result<()> {
    type Gated = (Arc<Semaphore>, mpsc::Sender<String>);
    let stage = Stage::new("at-most-once");
    let gate = Arc::new(Semaphore::new(0));
    let (begun, mut begins) = mpsc::channel(16);
    let work = async |State((gate, begun)): State<Gated>, body: String| {
        begun.send(body).await.map_err(|_| StatusCode::GONE)?;
        gate.acquire().await.map_err(|_| StatusCode::GONE)?.forget();
        Ok::<_, StatusCode>(())
    };
    let app = Router::new()
        .route("/work", post(work))
        .with_state((Arc::clone(&gate), begun));
    let service = || {
        let mut policy = Policy::new("once");
        policy.guarantee = Guarantee::AtMostOnce;
        let mut limits = Limits::default();
        limits.drain = Duration::from_millis(100);
        stage.service(1).default_policy(policy).limits(limits)
    };
    let log = Log::of(stage.bootstrap())?;
    let first = service().serve(app.clone()).start().await?;
    log.write(&stage.requests(), Raw::post("/work", "lost"))
        .await?;
    let running = within("the work", begins.recv()).await?;
    assert_eq!(running.as_deref(), Some("lost"));
    let committed = log.committed(stage.name(), &stage.requests()).await?;
    assert_eq!(committed, [1], "committed before it ran");
    first.stop().await;

    let second = service().serve(app).start().await?;
    log.write(&stage.requests(), Raw::post("/work", "next"))
        .await?;
    let running = within("the work", begins.recv()).await?;
    assert_eq!(running.as_deref(), Some("next"));
    gate.add_permits(1);
    second.stop().await;
    assert!(begins.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_open_streams_on_one_key_delay_neither_a_call_on_it_nor_a_commit()
-> Result<()> {
    const STREAMS: usize = 5_000;
    let stage = Stage::new("streams");
    let open = || async {
        let first = stream::once(async { Ok::<_, Infallible>(Event::default().data("open")) });
        Sse::new(first.chain(stream::once(pending())))
    };
    let app = Router::new()
        .route("/events", get(open))
        .route("/call", post(|| async { "answered" }));
    let service = stage.service(1).serve(app).start().await?;
    let client = stage.client().await?;

    let bodies: Vec<_> = stream::iter(0..STREAMS)
        .map(|_| {
            let request = keyed(stage.get("/events"), "key");
            let client = client.clone();
            async move {
                let mut body = client.oneshot(request).await?.into_body();
                body.frame().await.context("no first event")??;
                anyhow::Ok(body)
            }
        })
        .buffer_unordered(128)
        .try_collect()
        .await?;
    assert_eq!(bodies.len(), STREAMS);
    let answer = call(&client, keyed(stage.post("/call", ""), "key"));
    let (status, body) = within("the answer", answer).await??;
    assert_eq!((status, &*body), (StatusCode::OK, &b"answered"[..]));
    let log = Log::of(stage.bootstrap())?;
    eventually("all is committed", async || {
        let committed = log.committed(stage.name(), &stage.requests()).await?;
        Ok(committed == log.ends(&stage.requests()).await?)
    })
    .await?;
    assert_eq!(client.pending(), STREAMS);

    // The end of the service is the end of its streams, and they can be resumed.
    service.stop().await;
    for mut body in bodies.into_iter().take(10) {
        let end = within("the end", body.frame())
            .await?
            .context("a good end")?;
        let error = end.err().context("an event")?.to_string();
        assert!(error.contains("broke off"), "{error}");
    }
    client.close().await;
    Ok(())
}
