//! The reply topic: where the instances of a fleet listen, and what becomes of calls when it goes.

use std::{collections::BTreeMap, convert::Infallible, future::pending, time::Duration};

use anyhow::{Context, Result, bail};
use axum::{
    Router,
    body::Body,
    response::sse::{Event, Sse},
    routing::{get, post},
};
use futures_util::{StreamExt as _, stream};
use harness::{Log, Stage, Topic, call, eventually, within};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use ipc_core::client::{CallError, Client, Options, Rejected, UnknownReason};
use tokio::{select, sync::mpsc};
use tower::ServiceExt as _;

/// As many as [`Stage::client`] makes.
const PARTITIONS: usize = 3;

fn within_secs(mut request: Request<Body>, secs: u64) -> Request<Body> {
    let mut options = Options::default();
    options.timeout = Some(Duration::from_secs(secs));
    request.extensions_mut().insert(options);
    request
}

/// Where each of so many instances listens, by the pings it sends itself.
async fn listeners(stage: &Stage, instances: usize) -> Result<BTreeMap<String, i32>> {
    let mut listeners = BTreeMap::new();
    let log = Log::of(stage.bootstrap())?;
    log.read(&stage.replies(), |seen| {
        let pings = seen.iter().filter_map(|ping| {
            let caller = ping.text("ipc-caller")?;
            Some((caller.to_owned(), ping.partition))
        });
        listeners = pings.collect();
        listeners.len() >= instances
    })
    .await?;
    Ok(listeners)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_that_start_one_after_the_other_listen_on_partitions_of_their_own() -> Result<()>
{
    let stage = Stage::new("quietest");
    let mut clients = Vec::new();
    for _ in 0..PARTITIONS {
        clients.push(stage.client().await?);
    }
    let listeners = listeners(&stage, clients.len()).await?;
    let mut taken: Vec<i32> = listeners.into_values().collect();
    taken.sort_unstable();
    assert_eq!(taken, [0, 1, 2]);
    for client in clients {
        client.close().await;
    }
    Ok(())
}

/// What a call came to, within the patience of the tests.
async fn outcome(client: &Client, request: Request<Body>) -> Result<Result<StatusCode, CallError>> {
    let answer = within("the answer", client.clone().oneshot(request)).await?;
    Ok(answer.map(|response| response.status()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_hangs_when_the_reply_topic_is_deleted_and_calls_go_on_when_it_is_back() -> Result<()>
{
    let stage = Stage::new("deleted");
    let (begun, mut begins) = mpsc::channel(8);
    let hold = move || {
        let begun = begun.clone();
        async move {
            // The test counts the first ones only.
            let _ = begun.try_send(());
            pending::<()>().await;
        }
    };
    let events = || async {
        let first = Event::default().data("first");
        Sse::new(stream::iter([Ok::<_, Infallible>(first)]).chain(stream::pending()))
    };
    let app = Router::new()
        .route("/hold", post(hold))
        .route("/events", get(events))
        .route("/echo", post(|body: String| async { body }));
    let service = stage.service(2).serve(app).start().await?;
    // Of two instances on three partitions one has to move when there is only one partition.
    let clients = [stage.client().await?, stage.client().await?];
    let client = &clients[0];

    let events = client.clone().oneshot(stage.get("/events")).await?;
    let mut events = events.into_body();
    let first = within("the first event", events.frame()).await?;
    first.context("no event")??;
    let held = outcome(client, within_secs(stage.post("/hold", ""), 10));
    let mut held = Box::pin(held);
    select! {
        answer = &mut held => bail!("answered: {answer:?}"),
        begun = within("the work", begins.recv()) => begun?.context("the service ended")?,
    }
    Topic::delete(stage.bootstrap(), &stage.replies()).await?;

    let broken = within("the end of the stream", events.frame()).await?;
    assert!(broken.context("a good end")?.is_err());
    match held.await? {
        Err(CallError::Unknown(unknown)) => {
            assert_eq!(unknown.reason, UnknownReason::DeadlinePassed);
        }
        other => bail!("{other:?}"),
    }
    eventually("calls are rejected", async || {
        let echo = within_secs(stage.post("/echo", "lost"), 1);
        match outcome(client, echo).await? {
            Err(CallError::Rejected(Rejected::InboxNotReady)) => Ok(true),
            Err(CallError::Unknown(_)) => Ok(false),
            other => bail!("{other:?}"),
        }
    })
    .await?;
    assert_eq!(client.pending(), 0);

    Topic::make(stage.bootstrap(), &stage.replies(), 1).await?;
    for client in &clients {
        // A service that has not seen the topic come back yet gives its reply up.
        eventually("calls are answered again", async || {
            let echo = within_secs(stage.post("/echo", "early"), 2);
            match outcome(client, echo).await? {
                Ok(status) => Ok(status == StatusCode::OK),
                Err(CallError::Rejected(Rejected::InboxNotReady) | CallError::Unknown(_)) => {
                    Ok(false)
                }
                Err(error) => Err(error.into()),
            }
        })
        .await?;
        let (status, body) = call(client, stage.post("/echo", "found")).await?;
        assert_eq!((status, &*body), (StatusCode::OK, &b"found"[..]));
    }
    service.stop().await;
    for client in clients {
        client.close().await;
    }
    Ok(())
}
