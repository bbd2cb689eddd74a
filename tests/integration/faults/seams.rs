//! A service that is killed (SIGKILL) at each seam between a claim and a reply, with the stores that suppress
//! duplicates: only between the effect and its mark does another instance repeat it. The Postgres inbox, which
//! promises more, has a test of its own.

use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use harness::{Database, Log, PATIENCE, Raw, Stage, Topic, Worker, Written};

const PROGRAM: &str = env!("CARGO_BIN_EXE_store_worker");

/// A seam at which an instance is killed, and how often its work has had its effect in the end.
const SEAMS: [(&str, i64); 4] = [
    ("before-effect", 1),
    ("after-effect", 2),
    ("after-mark", 1),
    // the reply
    ("none", 1),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_redis_only_what_was_not_marked_yet_is_repeated_after_a_kill() -> Result<()> {
    killed_at_each_seam(&harness::redis()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_store_in_the_log_only_what_was_not_marked_yet_is_repeated_after_a_kill()
-> Result<()> {
    killed_at_each_seam("kafka").await
}

async fn killed_at_each_seam(store: &str) -> Result<()> {
    let database = Database::create().await?;
    let killed = SEAMS.map(|(seam, _)| killed_at(seam, store, &database));
    try_join_all(killed).await?;
    let mut expected: Vec<_> = SEAMS
        .map(|(seam, effects)| (seam.to_owned(), effects))
        .into();
    expected.extend(SEAMS.map(|(seam, _)| (after(seam), 1)));
    assert_eq!(database.effects().await?, expected.into_iter().collect());
    Ok(())
}

/// What is sent once the killed instance has a successor.
fn after(seam: &str) -> String {
    format!("after {seam}")
}

/// Kills an instance at a seam, with a call for the work that has the seam's name, and waits for its successor to
/// answer it.
async fn killed_at(seam: &str, store: &str, database: &Database) -> Result<()> {
    let stage = Stage::new("seam");
    let log = Log::of(stage.bootstrap())?;
    let replies = stage.replies();
    Topic::make(stage.bootstrap(), &replies, 1).await?;
    let send = async |work: &str| {
        let call = Raw::post("/work", work)
            .key("key")
            .header("idempotency-key", work)
            .answered_to(&*replies, work)
            .waiting_for(2 * PATIENCE);
        log.write(&stage.requests(), call).await
    };
    let worker = async |seam: &str| {
        let arguments = [stage.bootstrap(), stage.name(), database.url(), store, seam];
        Worker::serve(PROGRAM, arguments).await
    };

    let mut doomed = worker(seam).await?;
    send(seam).await?;
    if seam == "none" {
        log.read(&replies, |seen| answers(seen, seam).next().is_some())
            .await?;
    } else {
        doomed.says().await?;
    }
    doomed.kill().await?;

    let heir = worker("none").await?;
    let last = after(seam);
    send(&last).await?;
    let seen = log
        .read(&replies, |seen| answers(seen, &last).next().is_some())
        .await?;
    ensure!(heir.terminate().await?.success(), "the heir failed");
    let answer = answers(&seen, seam)
        .next()
        .with_context(|| format!("{seam}: no answer"))?;
    ensure!(answer.payload == seam.as_bytes(), "{seam}: {answer:?}");
    if seam == "after-mark" {
        ensure!(answer.text("ipc-replayed") == Some("1"), "{answer:?}");
    }
    Ok(())
}

fn answers<'a>(seen: &'a [Written], work: &'a str) -> impl Iterator<Item = &'a Written> {
    seen.iter()
        .filter(move |reply| reply.text("kafka_correlationId") == Some(work))
}
