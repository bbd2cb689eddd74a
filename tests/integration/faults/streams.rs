//! Reply streams on three brokers, while the topic in which their service tells that it is there has no leader.

use std::{convert::Infallible, time::Duration};

use anyhow::{Context as _, Result, ensure};
use axum::{
    Router,
    response::sse::{Event, Sse},
    routing::get,
};
use futures_util::{Stream, StreamExt as _, stream};
use harness::{Stage, ThreeBrokers, within};
use http_body_util::BodyExt as _;
use tokio::time::sleep;
use tower::ServiceExt as _;

use super::PARTITIONS;

/// One each tenth of a second: longer than a topic is without a leader, and silence is waited out, together.
const EVENTS: u32 = 250;
/// So many are heard when the leader goes.
const HEARD: u32 = 10;

async fn events() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(stream::iter(0..EVENTS).then(|number| async move {
        sleep(Duration::from_millis(100)).await;
        Ok(Event::default().data(number.to_string()))
    }))
}

/// What becomes of the leader of the control topic.
#[derive(Clone, Copy)]
enum Fate {
    Killed,
    HeldUp,
}

/// A stream comes whole while that happens, or ends at a place that it names; nobody takes its service for dead.
async fn no_stream_is_cut_off(purpose: &str, fate: Fate) -> Result<()> {
    let mut brokers = ThreeBrokers::start().await?;
    let stage = Stage::on(brokers.bootstrap(), purpose);
    let app = Router::new().route("/events", get(events));
    let service = stage.service(PARTITIONS).serve(app).start().await?;
    let client = stage.client().await?;
    for topic in [stage.requests(), stage.replies(), stage.control()] {
        brokers.in_sync(&topic).await?;
    }
    let calling = client.clone().oneshot(stage.get("/events"));
    let response = within("the beginning of a stream", calling).await??;
    let mut body = response.into_body();
    for number in 0..EVENTS {
        let frame = within("the next event", body.frame()).await?;
        let frame = frame.with_context(|| format!("it ended before {number}"))?;
        let frame = match frame {
            // Its service lost the partition: the broker coordinated the group, too.
            Err(error) if error.to_string().contains("resume after ipc-seq") => break,
            frame => frame.with_context(|| format!("it broke off before {number}"))?,
        };
        let data = frame.into_data().ok().context("no data")?;
        ensure!(
            data == format!("data: {number}\n\n"),
            "{data:?} at {number}"
        );
        if number == HEARD {
            let leader = brokers.leader(&stage.control(), 0).await?;
            match fate {
                Fate::Killed => brokers.kill(leader).await?,
                Fate::HeldUp => brokers.suspend(leader).await?,
            }
        }
    }
    let end = within("the end of the stream", body.frame()).await?;
    ensure!(end.is_none(), "there was more than the end");
    brokers.mend().await?;
    client.close().await;
    service.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_stream_is_cut_off_when_the_leader_of_the_control_topic_is_killed() -> Result<()> {
    no_stream_is_cut_off("killed", Fate::Killed).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_stream_is_cut_off_when_the_leader_of_the_control_topic_stands_still() -> Result<()> {
    no_stream_is_cut_off("held-up", Fate::HeldUp).await
}
