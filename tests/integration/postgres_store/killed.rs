//! A service that is killed (SIGKILL) at each seam: its effects stand in a table that would take the same one twice.

use anyhow::{Context as _, Result};
use harness::{CommitProxy, Database, Log, PATIENCE, Raw, Stage, Topic, Worker, eventually};

const PROGRAM: &str = env!("CARGO_BIN_EXE_store_worker");

async fn worker(stage: &Stage, database: &Database, seam: &str) -> Result<Worker> {
    let arguments = [
        stage.bootstrap(),
        stage.name(),
        database.url(),
        "postgres",
        seam,
    ];
    Worker::serve(PROGRAM, arguments).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_effect_for_each_key_wherever_the_service_is_killed() -> Result<()> {
    let database = Database::create().await?;
    let proxy = CommitProxy::before(database.url()).await?;
    let stage = Stage::new("killed-inbox");
    let log = Log::of(stage.bootstrap())?;
    let replies = stage.replies();
    Topic::make(stage.bootstrap(), &replies, 1).await?;
    let send = async |work: &str| {
        let call = Raw::post("/work", work)
            .header("idempotency-key", work)
            .answered_to(&*replies, work)
            .waiting_for(2 * PATIENCE);
        log.write(&stage.requests(), call).await
    };

    // Between the effect and the reply: the handler has written, and holds.
    let mut first = worker(&stage, &database, "after-effect").await?;
    send("before the reply").await?;
    assert_eq!(first.says().await?, "AfterEffect before the reply");
    first.kill().await?;
    assert_eq!(database.effects().await?, [].into());

    // Between the commit and the reply: it is committed, and the instance does not know.
    let second = worker(&stage, &database.through(proxy.port())?, "none").await?;
    eventually("the first work is done", async || {
        Ok(database.effects().await?.len() == 1)
    })
    .await?;
    proxy.keep_next_answer();
    send("after the commit").await?;
    proxy.has_answer().await?;
    second.kill().await?;
    assert_eq!(database.effects().await?.len(), 2);

    // After the reply, and before its offset is committed, as far as that can be met.
    let third = worker(&stage, &database, "none").await?;
    send("after the reply").await?;
    let has = |work: &str, seen: &[harness::Written]| {
        seen.iter()
            .any(|reply| reply.text("kafka_correlationId") == Some(work))
    };
    log.read(&replies, |seen| has("after the reply", seen))
        .await?;
    third.kill().await?;

    let last = worker(&stage, &database, "none").await?;
    send("at last").await?;
    let seen = log.read(&replies, |seen| has("at last", seen)).await?;
    assert_eq!(last.terminate().await?.code(), Some(0));
    let effects = database.effects().await?;
    assert_eq!(effects.len(), 4, "{effects:?}");
    assert!(effects.values().all(|count| *count == 1), "{effects:?}");

    // Each was answered, the second from the store: nobody else could have known.
    for work in effects.keys() {
        assert!(has(work, &seen), "{work} was not answered");
    }
    let id = Some("after the commit");
    let mut answers = seen
        .iter()
        .filter(|reply| reply.text("kafka_correlationId") == id);
    let answer = answers.next().context("no answer")?;
    assert_eq!(answer.text("ipc-replayed"), Some("1"));
    assert_eq!(answer.payload, b"after the commit");
    Ok(())
}
