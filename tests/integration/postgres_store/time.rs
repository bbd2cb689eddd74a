//! Replies that have had their time.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use axum::{Router, routing::post};
use bytes::Bytes;
use harness::{Database, Stage, eventually};
use ipc_core::store::{
    Claim, ClaimRequest, Dedup, DedupStore, Effects, Fingerprint, PostgresStore, StoredReply,
    WorkId, postgres::sqlx,
};

use super::{TIMEOUT, call, instance, request, work};

async fn finish(store: &PostgresStore, number: usize, keep: Duration) -> Result<()> {
    let id = WorkId {
        scope: Arc::from("orders POST /work"),
        key: Bytes::from(number.to_string()),
    };
    let mut request = ClaimRequest::new(id, Fingerprint::of(&[]), "instance");
    request.keep = keep;
    let Claim::Granted(claimed) = store.claim(&request).await? else {
        anyhow::bail!("{number} is not granted");
    };
    let reply = StoredReply::new(200, Vec::new(), "done");
    let finished = claimed.finish(&reply, Effects::Keep).await;
    finished.map_err(|error| anyhow::anyhow!("{error}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_had_its_time_is_cleaned_up_so_many_at_once_and_nothing_else() -> Result<()> {
    let database = Database::create().await?;
    let store = database.store().await?;
    for number in 0..5 {
        finish(&store, number, Duration::ZERO).await?;
    }
    for number in 5..8 {
        finish(&store, number, TIMEOUT * 100).await?;
    }
    for left in [2, 2, 1, 0] {
        assert_eq!(store.clean_up(2).await?, left);
    }
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM ipc_inbox")
        .fetch_one(&database.pool().await?)
        .await?;
    assert_eq!(left, 3);
    // A reply may be asked to be kept for ever; the database's calendar ends before.
    finish(&store, 8, Duration::MAX).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_forgets_what_has_had_its_time_while_it_runs() -> Result<()> {
    let database = Database::create().await?;
    let stage = Stage::new("forgetting");
    let store = database
        .store()
        .await?
        .clean_up_every(Duration::from_secs(1));
    let dedup = Dedup::new(store).keep(Duration::from_secs(1));
    let app = Router::new().route("/work", post(work));
    let service = instance(&stage, app, dedup, TIMEOUT).await?;
    let client = stage.client().await?;
    let answer = call(&client, request(&stage, "k", "tea")?).await?;
    assert_eq!(answer.status.as_u16(), 200);
    let pool = database.pool().await?;
    eventually("the inbox is empty", async || {
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM ipc_inbox")
            .fetch_one(&pool)
            .await
            .context("no count")?;
        Ok(left == 0)
    })
    .await?;
    client.close().await;
    service.stop().await;
    Ok(())
}
