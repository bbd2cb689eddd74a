//! A caller that gives up.

use std::{convert::Infallible, future::pending};

use anyhow::{Context, Result, bail, ensure};
use axum::{
    Router,
    extract::State,
    response::sse::{Event, Sse},
    routing::{get, post},
};
use futures_util::{StreamExt as _, stream};
use harness::{Stage, call, keyed, within};
use http::StatusCode;
use http_body_util::BodyExt as _;
use ipc_core::{client::Client, extract::CancellationToken};
use tokio::{select, sync::mpsc};
use tower::ServiceExt as _;

/// Tells when a handler begins, and when it is dropped before its end.
struct Witness {
    work: String,
    told: mpsc::UnboundedSender<String>,
}

impl Witness {
    fn new(work: String, told: mpsc::UnboundedSender<String>) -> Self {
        // A test that has seen enough has gone away.
        let _ = told.send(format!("{work} begun"));
        Self { work, told }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.told.send(format!("{} dropped", self.work));
    }
}

type Told = mpsc::UnboundedReceiver<String>;

fn app() -> (Router, Told) {
    #[expect(
        clippy::disallowed_methods,
        reason = "a witness speaks while it is dropped"
    )]
    let (told, heard) = mpsc::unbounded_channel();
    let hold = async |State(told): State<mpsc::UnboundedSender<String>>, work: String| {
        let _witness = Witness::new(work, told);
        pending::<()>().await;
    };
    let finish = async |State(told): State<mpsc::UnboundedSender<String>>,
                        cancelled: CancellationToken,
                        work: String| {
        let witness = Witness::new(work, told);
        cancelled.cancelled().await;
        // Beyond an await point, where another handler would be dropped.
        tokio::task::yield_now().await;
        let _ = witness.told.send(format!("{} finished", witness.work));
    };
    let note = async |State(told): State<mpsc::UnboundedSender<String>>, work: String| {
        let _ = told.send(format!("{work} done"));
    };
    let events = async |State(told): State<mpsc::UnboundedSender<String>>| {
        let witness = Witness::new("events".to_owned(), told);
        let first = stream::iter([Ok::<_, Infallible>(Event::default().data("first"))]);
        Sse::new(first.chain(stream::pending()).inspect(move |_| {
            let _held = &witness;
        }))
    };
    let app = Router::new()
        .route("/hold", post(hold))
        .route("/finish", post(finish))
        .route("/events", get(events))
        .route("/note", post(note))
        .with_state(told);
    (app, heard)
}

/// Makes a call and drops it once `event` is heard.
async fn drop_at(
    client: &Client,
    request: http::Request<axum::body::Body>,
    told: &mut Told,
    event: &str,
) -> Result<()> {
    select! {
        answer = call(client, request) => ensure!(false, "answered: {answer:?}"),
        heard = within(event, told.recv()) => assert_eq!(heard?.as_deref(), Some(event)),
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_call_stops_its_handler_and_frees_its_lane() -> Result<()> {
    let stage = Stage::new("cancel");
    let (app, mut told) = app();
    let service = stage.service(1).serve(app).start().await?;
    let client = stage.client().await?;

    let request = keyed(stage.post("/hold", "work"), "lane");
    drop_at(&client, request, &mut told, "work begun").await?;
    assert_eq!(client.pending(), 0);
    let heard = within("the drop", told.recv()).await?;
    assert_eq!(heard.as_deref(), Some("work dropped"));

    let next = keyed(stage.post("/note", "next"), "lane");
    let (status, _) = within("the next call", call(&client, next)).await??;
    assert_eq!(status, StatusCode::OK);
    service.stop().await;
    client.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_with_the_token_is_told_and_finishes_on_whichever_instance_it_runs() -> Result<()>
{
    let stage = Stage::new("cancel-told");
    let mut instances = Vec::new();
    for _ in 0..2 {
        let (app, told) = app();
        let service = stage.service(4).serve(app).start().await?;
        instances.push((service, told));
    }
    let client = stage.client().await?;
    // By their keys they lie on several partitions.
    for key in ["a", "b", "c", "d", "e", "f"] {
        let request = keyed(stage.post("/finish", key), key);
        let [(_, one), (_, other)] = &mut *instances else {
            unreachable!("there are two");
        };
        let (begun, told) = select! {
            answer = call(&client, request) => bail!("answered: {answer:?}"),
            begun = within("a handler of one", one.recv()) => (begun?, &mut *one),
            begun = within("a handler of the other", other.recv()) => (begun?, &mut *other),
        };
        assert_eq!(begun, Some(format!("{key} begun")));
        for event in ["finished", "dropped"] {
            let heard = within(event, told.recv()).await?;
            assert_eq!(heard, Some(format!("{key} {event}")));
        }
        let next = keyed(stage.post("/note", key), key);
        let (status, _) = within("the next call", call(&client, next)).await??;
        assert_eq!(status, StatusCode::OK);
        // The partition may have gone to the other one meanwhile.
        let done = async {
            select! {
                done = one.recv() => done,
                done = other.recv() => done,
            }
        };
        assert_eq!(
            within("it is done", done).await?,
            Some(format!("{key} done"))
        );
    }
    for (service, _) in instances {
        service.stop().await;
    }
    client.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_reply_stream_stops_its_handlers_stream() -> Result<()> {
    let stage = Stage::new("cancel-stream");
    let (app, mut told) = app();
    let service = stage.service(1).serve(app).start().await?;
    let client = stage.client().await?;

    let response = client.clone().oneshot(stage.get("/events")).await?;
    let mut body = response.into_body();
    let first = within("the first event", body.frame()).await?;
    first.context("the stream ended")??;
    assert_eq!(told.recv().await.as_deref(), Some("events begun"));
    assert!(told.is_empty(), "it is open");

    drop(body);
    assert_eq!(client.pending(), 0);
    let heard = within("the drop", told.recv()).await?;
    assert_eq!(heard.as_deref(), Some("events dropped"));
    service.stop().await;
    client.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_dropped_while_it_waits_for_its_lane_never_runs() -> Result<()> {
    let stage = Stage::new("cancel-early");
    let (app, mut told) = app();
    let service = stage.service(1).serve(app).start().await?;
    let client = stage.client().await?;

    let holder = keyed(stage.post("/hold", "holder"), "lane");
    let mut holder = Box::pin(call(&client, holder));
    select! {
        answer = &mut holder => ensure!(false, "answered: {answer:?}"),
        heard = within("the holder", told.recv()) => {
            assert_eq!(heard?.as_deref(), Some("holder begun"));
        }
    }
    // The waiting one is in the log before the other, and so is its cancel.
    let waiting = keyed(stage.post("/note", "waiting"), "lane");
    let mut waiting = Box::pin(call(&client, waiting));
    let other = keyed(stage.post("/hold", "other"), "another lane");
    select! {
        biased;
        answer = &mut waiting => ensure!(false, "answered: {answer:?}"),
        dropped = drop_at(&client, other, &mut told, "other begun") => dropped?,
    }
    drop(waiting);
    let heard = within("the drop", told.recv()).await?;
    assert_eq!(heard.as_deref(), Some("other dropped"));
    let third = keyed(stage.post("/hold", "third"), "another lane");
    drop_at(&client, third, &mut told, "third begun").await?;
    let heard = within("the drop", told.recv()).await?;
    assert_eq!(heard.as_deref(), Some("third dropped"));

    drop(holder);
    let last = keyed(stage.post("/note", "last"), "lane");
    let (status, _) = within("the last call", call(&client, last)).await??;
    assert_eq!(status, StatusCode::OK);
    for event in ["holder dropped", "last done"] {
        assert_eq!(within(event, told.recv()).await?.as_deref(), Some(event));
    }
    service.stop().await;
    client.close().await;
    Ok(())
}
