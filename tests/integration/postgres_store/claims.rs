//! Who may do a piece of work, where several ask at once, and what a claim leaves behind.

use std::{collections::HashSet, future::poll_fn, pin::pin, sync::Arc, task::Poll, time::Duration};

use anyhow::{Result, ensure};
use axum::{Router, routing::post};
use bytes::Bytes;
use harness::{Database, Stage, keyed, within};
use ipc_core::store::{
    Claim, ClaimRequest, Claimed, DedupStore, Fence, Fingerprint, PostgresStore, WorkId,
    postgres::sqlx::{self, Row as _},
};
use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::{TIMEOUT, call, instance, request, work};

pub(super) fn request_for(key: &'static str) -> ClaimRequest {
    let id = WorkId {
        scope: Arc::from("orders POST /work"),
        key: Bytes::from_static(key.as_bytes()),
    };
    ClaimRequest::new(id, Fingerprint::of(&[b"tea"]), "instance")
}

async fn granted(store: &PostgresStore, request: &ClaimRequest) -> Result<Box<dyn Claimed>> {
    match store.claim(request).await? {
        Claim::Granted(claimed) => Ok(claimed),
        other => anyhow::bail!("not granted: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duplicates_at_two_instances_at_once_have_one_effect() -> Result<()> {
    const WORKS: usize = 50;
    let database = Database::create().await?;
    let stage = Stage::new("duplicates");
    let app = || Router::new().route("/work", post(work));
    let one = instance(&stage, app(), database.store().await?, TIMEOUT).await?;
    let other = instance(&stage, app(), database.store().await?, TIMEOUT).await?;
    one.assigned().await;
    other.assigned().await;
    let client = stage.client().await?;
    let mut calls = JoinSet::new();
    for work in 0..WORKS {
        for lane in ["a", "b", "c"] {
            let work = format!("work-{work}");
            // Lanes of their own, on whatever partition: nothing but the inbox keeps them apart.
            let request = keyed(request(&stage, &work, &work)?, format!("{work}-{lane}"));
            let client = client.clone();
            calls.spawn(async move { (work, call(&client, request).await) });
        }
    }
    let mut first = HashSet::new();
    while let Some(ended) = within("the last answer", calls.join_next()).await? {
        let (work, answer) = ended?;
        let answer = answer?;
        assert_eq!((answer.status.as_u16(), &answer.body), (200, &work));
        if !answer.is_replayed() {
            ensure!(first.insert(work.clone()), "{work} was handled twice");
        }
    }
    assert_eq!(first.len(), WORKS);
    let effects = database.effects().await?;
    assert_eq!(effects.len(), WORKS);
    assert!(effects.values().all(|count| *count == 1), "{effects:?}");
    client.close().await;
    one.stop().await;
    other.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fences_rise_in_the_order_of_the_claims_however_many_wait() -> Result<()> {
    const CLAIMS: usize = 40;
    let database = Database::create().await?;
    let stores = [database.store().await?, database.store().await?];
    let order: Arc<Mutex<Vec<Fence>>> = Arc::default();
    let mut claiming = JoinSet::new();
    for number in 0..CLAIMS {
        let (store, order) = (stores[number % 2].clone(), Arc::clone(&order));
        claiming.spawn(async move {
            let mut request = request_for("k");
            request.patience = TIMEOUT;
            let claimed = granted(&store, &request).await?;
            order.lock().push(claimed.fence());
            claimed.release().await;
            anyhow::Ok(())
        });
    }
    while let Some(ended) = within("the last claim", claiming.join_next()).await? {
        ended??;
    }
    let order = order.lock();
    assert_eq!(order.len(), CLAIMS);
    assert!(
        order.is_sorted_by(|earlier, later| earlier < later),
        "{order:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_learns_of_the_end_at_once_and_waits_no_longer_than_it_may() -> Result<()> {
    let database = Database::create().await?;
    let store = database.store().await?;
    let held = granted(&store, &request_for("k")).await?;
    let mut request = request_for("k");
    request.patience = Duration::from_millis(50);
    let claim = store.claim(&request).await?;
    assert!(
        matches!(claim, Claim::Running { lease_left: None }),
        "{claim:?}"
    );

    request.patience = TIMEOUT;
    let waiting = store.claim(&request);
    let release = async {
        // It waits for the row by now, and nothing but the end of the owner wakes it.
        let pool = database.pool().await?;
        harness::eventually("the claim waits", async || {
            let waits: bool = sqlx::query_scalar(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted
                   AND pid IN (SELECT pid FROM pg_stat_activity WHERE query LIKE '%ipc_inbox%'))",
            )
            .fetch_one(&pool)
            .await?;
            Ok(waits)
        })
        .await?;
        held.release().await;
        anyhow::Ok(())
    };
    let (claim, released) = tokio::join!(waiting, release);
    released?;
    assert!(matches!(claim?, Claim::Granted(_)));
    Ok(())
}

/// Polls `future` as often as that and no more; `None` where that did not end it.
async fn polled<F: Future>(times: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        let polled = future.as_mut().poll(context).map(Some);
        if left == 0 && polled.is_pending() {
            return Poll::Ready(None);
        }
        polled
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_broken_off_anywhere_leaves_no_claim_and_no_open_transaction() -> Result<()> {
    let database = Database::create().await?;
    let pool = database.pool().await?;
    let store = PostgresStore::new(pool.clone());
    let mut polls = 0;
    loop {
        let mut request = request_for("k");
        request.patience = TIMEOUT;
        match polled(polls, store.claim(&request)).await {
            Some(Ok(Claim::Granted(claimed))) => {
                drop(claimed);
                break;
            }
            Some(other) => anyhow::bail!("not granted after {polls} polls: {other:?}"),
            None => polls += 1,
        }
    }
    assert!(polls > 0, "it was never broken off");
    let mut request = request_for("k");
    request.patience = TIMEOUT;
    granted(&store, &request).await?.release().await;
    // All connections at once: those that were given back are among them.
    let mut connections = Vec::new();
    for _ in 0..pool.options().get_max_connections() {
        let mut connection = pool.acquire().await?;
        let clocks = sqlx::raw_sql("SELECT now() = statement_timestamp()");
        let clocks = clocks.fetch_one(&mut *connection).await?;
        // A transaction that is open already began before the statement did.
        let began_now: bool = clocks.try_get(0)?;
        assert!(began_now, "a connection came back inside a transaction");
        connections.push(connection);
    }
    Ok(())
}
