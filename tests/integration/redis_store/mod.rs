//! The dedup store in Redis, on real servers.

mod check;
mod outage;
mod service;

use std::{sync::Arc, time::Duration};

use anyhow::{Result, anyhow, bail};
use bytes::Bytes;
use harness::{Topic, eventually};
use ipc_core::{
    store::{
        Claim, ClaimRequest, Claimed, DedupStore, Effects, Fingerprint, RedisStore, StoredReply,
        WorkId,
    },
    testing::store::{self, Fixture},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_redis_store_conforms() {
    // Each instance has a connection of its own.
    let connect = || async {
        let store: Arc<dyn DedupStore> = Arc::new(patient(&harness::redis()));
        store
    };
    let run = Topic::unused("conformance");
    store::run(Fixture::new(run.name(), connect)).await;
}

#[tokio::test]
async fn stores_under_other_prefixes_do_not_meet() -> Result<()> {
    let request = request("prefixes");
    let one = patient(&harness::redis());
    let other = one.clone().prefix("ipc:other");
    let _held = granted(&one, &request).await?;
    granted(&other, &request).await?.release().await;
    Ok(())
}

#[tokio::test]
async fn a_claim_that_is_dropped_is_released_long_before_its_lease_is_over() -> Result<()> {
    let store = patient(&harness::redis());
    let mut request = request("dropped");
    request.lease = Duration::from_secs(24 * 60 * 60);
    drop(granted(&store, &request).await?);
    eventually("the work is free", async || {
        Ok(matches!(store.claim(&request).await?, Claim::Granted(_)))
    })
    .await
}

/// A store that waits for a busy machine.
fn patient(address: &str) -> RedisStore {
    RedisStore::new(address).answer_within(Duration::from_secs(20))
}

/// A claim on work that nobody else has.
fn request(service: &str) -> ClaimRequest {
    let id = WorkId {
        scope: Arc::from(format!("{} POST /work", Topic::unused(service).name())),
        key: Bytes::from_static(b"key"),
    };
    ClaimRequest::new(id, Fingerprint::of(&[]), "instance")
}

async fn granted(store: &RedisStore, request: &ClaimRequest) -> Result<Box<dyn Claimed>> {
    match store.claim(request).await? {
        Claim::Granted(claimed) => Ok(claimed),
        other => bail!("not granted: {other:?}"),
    }
}

/// Does the work, and returns what is stored.
async fn done(store: &RedisStore, request: &ClaimRequest) -> Result<StoredReply> {
    let reply = StoredReply::new(201, Vec::new(), "placed");
    finish(granted(store, request).await?, &reply).await?;
    Ok(reply)
}

async fn finish(claimed: Box<dyn Claimed>, reply: &StoredReply) -> Result<()> {
    let finished = claimed.finish(reply, Effects::Keep).await;
    finished.map_err(|error| anyhow!("{error}"))
}
