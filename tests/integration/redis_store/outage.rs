//! Servers that are killed, emptied and held up.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use harness::{PrivateRedis, eventually, within};
use ipc_core::store::{Claim, DedupStore as _, Effects, FinishError, RedisStore, StoredReply};

use super::{done, finish, granted, patient, request};

/// Every write is on disk before it is answered.
const DURABLE: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];
/// Writes wait, scripts among them; far longer than any test.
const HOLD_UP: &str = "CLIENT PAUSE 3600000 WRITE";
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_and_claims_outlive_a_server_that_is_killed_and_started_again() -> Result<()> {
    let redis = PrivateRedis::start(DURABLE).await?;
    let store = patient(&redis.url());
    let finished = request("finished");
    let reply = done(&store, &finished).await?;
    let mut running = request("running");
    running.lease = A_DAY;
    let claimed = granted(&store, &running).await?;

    redis.kill().await?;
    let asked = within("the answer", store.claim(&finished)).await?;
    let error = asked.err().context("a killed server answers")?.to_string();
    ensure!(error.contains(&redis.address().to_string()), "{error}");
    redis.start_again().await?;

    // The scripts are gone from its memory, and are loaded again.
    let again = store.claim(&finished).await?;
    ensure!(
        matches!(&again, Claim::Done(stored) if *stored == reply),
        "{again:?}"
    );
    let still = store.claim(&running).await?;
    ensure!(matches!(still, Claim::Running { .. }), "{still:?}");
    finish(claimed, &reply).await?;
    let stored = store.claim(&running).await?;
    ensure!(matches!(stored, Claim::Done(_)), "{stored:?}");
    Ok(())
}

#[tokio::test]
async fn a_connection_that_broke_while_nobody_used_it_is_no_error() -> Result<()> {
    let redis = PrivateRedis::start(DURABLE).await?;
    let store = patient(&redis.url());
    let request = request("idle");
    let reply = done(&store, &request).await?;
    redis.kill().await?;
    redis.start_again().await?;
    let again = store.claim(&request).await?;
    ensure!(
        matches!(&again, Claim::Done(stored) if *stored == reply),
        "{again:?}"
    );
    Ok(())
}

#[tokio::test]
async fn an_owner_whose_claim_was_lost_stores_its_reply_unless_another_has_claimed() -> Result<()> {
    let redis = PrivateRedis::start(&[]).await?;
    let store = patient(&redis.url());
    let (alone, overtaken) = (request("alone"), request("overtaken"));
    let first = granted(&store, &alone).await?;
    let second = granted(&store, &overtaken).await?;

    redis.command("FLUSHALL").await?;
    let reply = StoredReply::new(200, Vec::new(), "kept");
    finish(first, &reply).await?;
    let stored = store.claim(&alone).await?;
    ensure!(matches!(stored, Claim::Done(_)), "{stored:?}");

    let successor = granted(&store, &overtaken).await?;
    ensure!(successor.fence() > second.fence(), "the fence went back");
    let refused = second.finish(&reply, Effects::Keep).await;
    ensure!(matches!(refused, Err(FinishError::Fenced)), "{refused:?}");
    successor.release().await;
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_held_up_is_an_error_and_its_claim_is_released_afterwards() -> Result<()> {
    let redis = PrivateRedis::start(&[]).await?;
    let store = patient(&redis.url());
    let mut request = request("slow");
    request.lease = A_DAY;
    // The scripts are loaded.
    granted(&store, &request).await?.release().await;

    redis.command(HOLD_UP).await?;
    let hasty = RedisStore::new(&redis.url()).answer_within(Duration::from_millis(500));
    let asked = within("the answer", hasty.claim(&request)).await?;
    let error = asked.err().context("a server that is held up answers")?;
    ensure!(
        error.to_string().contains("does not answer within 500ms"),
        "{error}"
    );
    redis.command("CLIENT UNPAUSE").await?;
    // What was asked is done late, and nobody knows of it any more.
    eventually("the work is free", async || {
        match store.claim(&request).await {
            Ok(Claim::Granted(claimed)) => {
                claimed.release().await;
                Ok(true)
            }
            Ok(Claim::Running { .. }) | Err(_) => Ok(false),
            Ok(other) => bail!("{other:?}"),
        }
    })
    .await
}

#[tokio::test]
async fn a_reply_that_may_be_stored_is_stored_once_more() -> Result<()> {
    let redis = PrivateRedis::start(&[]).await?;
    let store = RedisStore::new(&redis.url()).answer_within(Duration::from_secs(2));
    let mut request = request("unknown");
    request.lease = A_DAY;
    let claimed = granted(&store, &request).await?;
    let reply = StoredReply::new(200, Vec::new(), "kept");

    redis.command(HOLD_UP).await?;
    let finished = within("the end", claimed.finish(&reply, Effects::Keep)).await?;
    let Err(FinishError::Unknown {
        claimed: Some(again),
        ..
    }) = finished
    else {
        bail!("{finished:?}");
    };
    redis.command("CLIENT UNPAUSE").await?;
    finish(again, &reply).await?;
    let stored = store.claim(&request).await?;
    ensure!(
        matches!(&stored, Claim::Done(it) if *it == reply),
        "{stored:?}"
    );
    Ok(())
}
