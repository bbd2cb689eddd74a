//! A store that does not answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use http::StatusCode;
use ipc_core::dispatch::Idempotency;
use ipc_core::http::Reserved;
use ipc_core::store::{
    Claim, ClaimRequest, Dedup, DedupStore, MemoryStore, Needs, StoreDown, StoreError,
};

use super::{Deduped, counting, numbered, policy, request};
use crate::system::{System, TestResult};

/// A store that is away when told so.
#[derive(Debug, Clone)]
struct Unreliable {
    store: MemoryStore,
    is_away: Arc<AtomicBool>,
}

impl Unreliable {
    fn new() -> Self {
        Self {
            store: MemoryStore::new(10),
            is_away: Arc::default(),
        }
    }

    fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Relaxed);
    }
}

#[async_trait]
impl DedupStore for Unreliable {
    fn name(&self) -> &'static str {
        "unreliable"
    }

    async fn check(&self, needs: &Needs) -> Result<(), Vec<String>> {
        self.store.check(needs).await
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        if self.is_away.load(Ordering::Relaxed) {
            return Err(StoreError::new("unreliable", "it is away"));
        }
        self.store.claim(request).await
    }
}

#[tokio::test(start_paused = true)]
async fn without_its_store_a_service_that_fails_closed_handles_nothing_and_says_why() -> TestResult
{
    let (app, runs) = counting(numbered);
    let store = Unreliable::new();
    let health = ipc_core::health::Health::new();
    let system = System::new();
    let service = system
        .service("orders")
        .default_policy(policy(Idempotency::Optional))
        .health(health.clone())
        .dedup(store.clone());
    let service = service.serve(app).start().await?;
    let client = system.client("web").await?;
    let orders = Deduped { service, client };
    store.set_away(true);
    let refused = orders.call(request("k", "tea")?).await?;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.problem()?, "dedup-store-away");
    let sent = request("one-way", "tea")?;
    orders.client.http_one_way(sent, Reserved::Refuse).await?;
    let body = || {
        let facts = health.facts(tokio::time::Instant::now());
        format!("{:?}", facts.readiness(tokio::time::Instant::now()))
    };
    assert!(
        body().contains("dedup store unreliable: it is away"),
        "{}",
        body()
    );
    assert_eq!(runs.count(), 0);

    store.set_away(false);
    let behind = orders.call(request("one-way", "tea")?).await?;
    assert!(behind.replayed, "the one-way did not wait for the store");
    assert!(!body().contains("unreliable"), "{}", body());
    orders.end().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn without_its_store_a_service_that_fails_open_goes_on() -> TestResult {
    let (app, runs) = counting(numbered);
    let store = Unreliable::new();
    let dedup = Dedup::new(store.clone()).store_down(StoreDown::FailOpen);
    let orders = Deduped::with(app, Idempotency::Optional, dedup).await?;
    store.set_away(true);
    for _ in 0..2 {
        let answer = orders.call(request("k", "tea")?).await?;
        assert!(!answer.replayed);
    }
    assert_eq!(runs.count(), 2);
    orders.end().await;
    Ok(())
}
