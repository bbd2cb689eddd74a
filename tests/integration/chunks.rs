//! Requests in chunks whose service or sender dies between two of them.

use std::time::Duration;

use anyhow::{Context, Result};
use axum::{Router, routing::post};
use harness::{Log, Raw, Stage, Topic, Worker, Written, eventually, metric};
use ipc_core::{envelope::UnixMillis, service::Service};

const PROGRAM: &str = env!("CARGO_BIN_EXE_worker");
/// As many as the worker makes.
const PARTITIONS: i32 = 4;

/// A caller that is only what it writes, all of it in one lane.
struct Sender {
    log: Log,
    stage: Stage,
}

impl Sender {
    async fn new(stage: &Stage) -> Result<Self> {
        // The topic of its replies.
        stage.client().await?.close().await;
        Ok(Self {
            log: Log::of(stage.bootstrap())?,
            stage: stage.clone(),
        })
    }

    fn request(&self, id: &str, body: &str) -> Raw {
        Raw::post("/work", body)
            .on(0)
            .key("lane")
            .answered_to(self.stage.replies(), id)
            .header("ipc-caller", "shop/6f1b2c3d4e5f60718293a4b5c6d7e8f9")
    }

    fn chunk(&self, id: &str, number: u32, piece: &str, deadline: UnixMillis) -> Raw {
        self.request(id, piece)
            .header("ipc-deadline", deadline.0.to_string())
            .header("ipc-chunk", number.to_string())
    }

    async fn write(&self, records: impl IntoIterator<Item = Raw>) -> Result<()> {
        for record in records {
            self.log.write(&self.stage.requests(), record).await?;
        }
        Ok(())
    }

    /// Waits for the answer and returns the statuses of all answers there are.
    async fn answers(&self, id: &str) -> Result<Vec<String>> {
        let answered = |seen: &[Written]| !statuses(seen, id).is_empty();
        self.log.read(&self.stage.replies(), answered).await?;
        self.answers_so_far(id).await
    }

    async fn answers_so_far(&self, id: &str) -> Result<Vec<String>> {
        let replies = self.log.all(&self.stage.replies()).await?;
        Ok(statuses(&replies, id))
    }

    /// What the group has committed of the partition all this goes to.
    async fn committed(&self) -> Result<i64> {
        let requests = self.stage.requests();
        let committed = self.log.committed(self.stage.name(), &requests).await?;
        committed.first().copied().context("no partition")
    }

    async fn all_is_committed(&self) -> Result<()> {
        let ends = self.log.ends(&self.stage.requests()).await?;
        eventually("all is committed", async || {
            Ok(Some(&self.committed().await?) == ends.first())
        })
        .await
    }
}

fn statuses(replies: &[Written], id: &str) -> Vec<String> {
    let of = |reply: &&Written| reply.text("kafka_correlationId") == Some(id);
    let status = |reply: &Written| reply.text(":status").map(str::to_owned);
    replies.iter().filter(of).filter_map(status).collect()
}

fn discarded(service: &Service) -> Result<f64> {
    metric(service.metrics(), "ipc_chunks_discarded_total")
}

fn seconds_from_now(seconds: u64) -> UnixMillis {
    UnixMillis::now().plus(Duration::from_secs(seconds))
}

fn echo() -> Router {
    Router::new().route("/work", post(async |work: String| work))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_put_together_again_after_its_instance_was_killed_halfway() -> Result<()> {
    let stage = Stage::new("halfway");
    let effects = Topic::create(stage.bootstrap(), "effects", 1).await?;
    let sender = Sender::new(&stage).await?;
    let doomed = Worker::start(PROGRAM, &stage, effects.name(), "doomed", false).await?;
    let deadline = seconds_from_now(120);
    let chunk = |number, piece| sender.chunk("halfway", number, piece, deadline);
    sender.write([chunk(0, "one "), chunk(1, "two ")]).await?;
    // It says of each chunk that it has taken it.
    let taken = |seen: &[Written]| {
        let said = seen.iter().filter_map(|record| record.text("ipc-control"));
        said.filter(|kind| *kind == "credit").count() >= 2
    };
    sender.log.read(&stage.replies(), taken).await?;
    doomed.kill().await?;

    let heir = Worker::start(PROGRAM, &stage, effects.name(), "heir", false).await?;
    let last = chunk(2, "three").header("ipc-end", "1");
    sender.write([last]).await?;
    assert_eq!(sender.answers("halfway").await?, ["200"]);
    assert_eq!(heir.terminate().await?.code(), Some(0));
    let effects = sender.log.all(effects.name()).await?;
    let effects: Vec<_> = effects.iter().map(|effect| &*effect.payload).collect();
    let expected = [&b"begun heir one two three"[..], b"done heir one two three"];
    assert_eq!(effects, expected);
    assert_eq!(sender.committed().await?, 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunks_whose_beginning_a_killed_instance_gave_up_are_discarded_by_the_next() -> Result<()>
{
    let stage = Stage::new("orphans");
    let effects = Topic::create(stage.bootstrap(), "effects", 1).await?;
    let sender = Sender::new(&stage).await?;
    let doomed = Worker::start(PROGRAM, &stage, effects.name(), "doomed", false).await?;
    let deadline = seconds_from_now(1);
    let chunk = |number, piece| sender.chunk("orphaned", number, piece, deadline);
    sender.write([chunk(0, "one "), chunk(1, "two ")]).await?;
    sender.all_is_committed().await?;
    doomed.kill().await?;

    let last = chunk(3, "four").header("ipc-end", "1");
    sender.write([chunk(2, "three "), last]).await?;
    let service = stage.service(PARTITIONS).serve(echo()).start().await?;
    sender.write([sender.request("behind", "work")]).await?;
    assert_eq!(sender.answers("behind").await?, ["200"]);
    sender.all_is_committed().await?;
    assert_eq!(discarded(&service)?, 2.0);
    service.stop().await;
    assert_eq!(sender.answers_so_far("orphaned").await?, [""; 0]);
    assert_eq!(
        sender.log.ends(effects.name()).await?,
        [0],
        "a part of it ran"
    );
    assert_eq!(sender.log.ends(&stage.dead_letters()).await?, [0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_whose_sender_died_holds_up_no_call_and_its_offset_to_its_deadline() -> Result<()>
{
    let stage = Stage::new("abandoned");
    let sender = Sender::new(&stage).await?;
    let service = stage.service(PARTITIONS).serve(echo()).start().await?;
    let chunk = |number, deadline| sender.chunk("abandoned", number, "a piece", deadline);
    let far = seconds_from_now(600);
    sender.write([chunk(0, far), chunk(1, far)]).await?;
    sender.write([sender.request("behind", "work")]).await?;
    assert_eq!(sender.answers("behind").await?, ["200"]);
    assert_eq!((sender.committed().await?, discarded(&service)?), (0, 0.0));

    // It starts over with less time, and stops for good.
    let near = seconds_from_now(1);
    sender.write([chunk(0, near), chunk(1, near)]).await?;
    sender.all_is_committed().await?;
    assert!(UnixMillis::now() >= near, "given up early");
    assert_eq!(discarded(&service)?, 4.0);
    service.stop().await;
    assert_eq!(sender.answers_so_far("abandoned").await?, [""; 0]);
    Ok(())
}
