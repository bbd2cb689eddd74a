//! The dedup store goes away and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ipc_core::client::Client;
use ipc_core::dispatch::Limits;
use ipc_core::prelude::{App, endpoints};
use ipc_core::store::{Claim, ClaimRequest, DedupStore, MemoryStore, Needs, StoreError};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{Seen, are_paused, job, measures, note, order, plain, problem, until, warnings};
use crate::system::{System, TestResult};

/// A store that is away when told so, and counts what it is asked.
#[derive(Clone, Debug)]
struct Flaky {
    store: MemoryStore,
    is_away: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Flaky {
    fn new() -> Self {
        Self {
            store: MemoryStore::new(10_000),
            is_away: Arc::default(),
            asked: Arc::default(),
        }
    }

    fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Relaxed);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl DedupStore for Flaky {
    fn name(&self) -> &'static str {
        "flaky"
    }

    async fn check(&self, needs: &Needs) -> Result<(), Vec<String>> {
        self.store.check(needs).await
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.is_away.load(Ordering::Relaxed) {
            return Err(StoreError::new("flaky", "it is away"));
        }
        self.store.claim(request).await
    }
}

async fn send(client: &Client, keys: usize, each: usize) -> TestResult {
    let orders = client.service("orders");
    for nth in 0..each {
        for key in 0..keys {
            let job = job::request(key.to_string(), nth.to_string());
            orders.send(job).await?;
        }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_needs_the_store_is_not_fetched_while_it_is_away_and_goes_on_by_itself() -> TestResult
{
    let seen = Seen::default();
    let store = Flaky::new();
    let app: App = App::new()
        .endpoints(endpoints![job, order])?
        .with_state(seen.clone());
    let system = System::new();
    let orders = system.service("orders").dedup(store.clone()).serve(app);
    let orders = orders.start().await?;
    let client = system.client("web").await?;

    store.set_away(true);
    send(&client, 10, 20).await?;
    until("partitions are paused", || are_paused(&orders, true)).await?;
    assert!(measures(
        &orders,
        r#"ipc_consumption_stopped{endpoint="",cause="store"} 1"#
    ));
    let told = warnings(&orders);
    let why = "consumption is stopped: the dedup store flaky is away";
    assert!(told.iter().any(|text| text == why), "{told:?}");
    let why = "dedup store flaky: it is away";
    assert!(told.iter().any(|text| text.contains(why)), "{told:?}");

    // Those that found it away are looked after once more; then there is one look a
    // second, whatever waits.
    sleep(Duration::from_secs(2)).await;
    let before = store.asked();
    sleep(Duration::from_secs(100)).await;
    assert!((90..=110).contains(&(store.asked() - before)));
    assert_eq!(seen.count(), 0);

    store.set_away(false);
    until("all is handled", || seen.count() == 200).await?;
    assert!(seen.has_all(10, 20), "{:?}", seen.lanes());
    until("partitions are read", || are_paused(&orders, false)).await?;
    assert_eq!(warnings(&orders), [""; 0]);
    let late = client.service("orders").call(order::request());
    late.idempotency_key("late").await?;
    client.close().await;
    orders.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_needs_no_store_or_fails_open_goes_on_beside_what_waits_for_it() -> TestResult {
    let seen = Seen::default();
    let store = Flaky::new();
    let app: App = App::new()
        .endpoints(endpoints![job, order, note, plain])?
        .with_state(seen.clone());
    let system = System::new();
    let mut limits = Limits::default();
    limits.concurrency = 2;
    let orders = system.service("orders").dedup(store.clone()).limits(limits);
    let orders = orders.serve(app).start().await?;
    let client = system.client("web").await?;
    let service = client.service("orders");

    store.set_away(true);
    send(&client, 10, 4).await?;
    // More than there are permits for: they wait without.
    let mut waiting = JoinSet::new();
    for key in 0..20 {
        let call = service.call(order::request());
        let call = call.idempotency_key(format!("order {key}"));
        waiting.spawn(async move { problem(call.await).map_err(|error| error.to_string()) });
    }
    for key in 0..20 {
        service.call(plain::request()).await?;
        let noted = service.call(note::request());
        noted.idempotency_key(format!("note {key}")).await?;
    }
    for answer in waiting.join_all().await {
        let kind = answer?;
        assert!(kind.ends_with("dedup-store-away"), "{kind}");
    }
    assert!(are_paused(&orders, false));
    let told = warnings(&orders);
    let why = "endpoint POST /orders is stopped: the dedup store flaky is away";
    assert!(told.iter().any(|text| text == why), "{told:?}");
    assert_eq!(seen.count(), 0);

    store.set_away(false);
    until("all is handled", || seen.count() == 40).await?;
    assert!(seen.has_all(10, 4), "{:?}", seen.lanes());
    client.close().await;
    orders.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_partition_is_paused_once_what_waits_in_it_fills_its_window() -> TestResult {
    let seen = Seen::default();
    let store = Flaky::new();
    let app: App = App::new()
        .endpoints(endpoints![job, plain])?
        .with_state(seen.clone());
    let system = System::new();
    let mut limits = Limits::default();
    limits.window = 16;
    let orders = system.service("orders").dedup(store.clone()).limits(limits);
    let orders = orders.serve(app).start().await?;
    let client = system.client("web").await?;
    store.set_away(true);
    send(&client, 30, 10).await?;
    until("partitions are paused", || are_paused(&orders, true)).await?;
    let told = warnings(&orders);
    let why = "orders.requests[0] is paused: its window is full";
    assert!(told.iter().any(|text| text == why), "{told:?}");
    store.set_away(false);
    until("all is handled", || seen.count() == 300).await?;
    assert!(seen.has_all(30, 10), "{:?}", seen.lanes());
    client.close().await;
    orders.stop().await;
    Ok(())
}
