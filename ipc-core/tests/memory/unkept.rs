//! Replies that their store does not keep.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http::StatusCode;
use ipc_core::client::{CallError, Options};
use ipc_core::dispatch::Idempotency;
use ipc_core::http::Reserved;
use ipc_core::store::{
    ClaimDecorator, ClaimRequest, Claimed, DedupStore, Effects, FinishError, MemoryStore,
    StoreDecorator, StoreError, StoredReply,
};
use tower::ServiceExt as _;

use super::dedup::{Deduped, counting, numbered, request};
use super::system::TestResult;

/// What a reply comes to that shall be stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// The handler spoilt it.
    Undone,
    /// The first is lost before it is stored, the next is not.
    FirstLost,
    /// The first is stored, and nobody hears of it.
    FirstUnheard,
    /// It is stored after so long.
    Slow(Duration),
}

#[derive(Clone, Debug)]
struct Forgetful {
    store: MemoryStore,
    end: End,
    finished: Arc<AtomicUsize>,
}

impl Forgetful {
    fn new(end: End) -> Self {
        Self {
            store: MemoryStore::new(10),
            end,
            finished: Arc::default(),
        }
    }
}

#[async_trait]
impl StoreDecorator for Forgetful {
    fn inner(&self) -> &dyn DedupStore {
        &self.store
    }

    fn granted(&self, _: &ClaimRequest, claimed: Box<dyn Claimed>) -> Box<dyn Claimed> {
        Held(self.clone()).before(claimed)
    }
}

#[derive(Debug)]
struct Held(Forgetful);

#[async_trait]
impl ClaimDecorator for Held {
    async fn finish(
        self,
        claimed: Box<dyn Claimed>,
        reply: &StoredReply,
        effects: Effects,
    ) -> Result<(), FinishError> {
        let is_first = self.0.finished.fetch_add(1, Ordering::Relaxed) == 0;
        let error = StoreError::new("forgetful", "it says so");
        match self.0.end {
            End::Undone => Err(FinishError::Undone(error)),
            End::FirstLost if is_first => Err(FinishError::Unknown {
                error,
                claimed: None,
            }),
            End::FirstUnheard if is_first => {
                claimed.finish(reply, effects).await?;
                Err(FinishError::Unknown {
                    error,
                    claimed: None,
                })
            }
            End::Slow(long) => {
                tokio::time::sleep(long).await;
                claimed.finish(reply, effects).await
            }
            End::FirstLost | End::FirstUnheard => claimed.finish(reply, effects).await,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_its_handler_spoilt_is_answered_500_and_not_run_again() -> TestResult {
    let (app, runs) = counting(numbered);
    let store = Forgetful::new(End::Undone);
    let orders = Deduped::with(app, Idempotency::Optional, store).await?;
    let answer = orders.call(request("k", "tea")?).await?;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.problem()?, "undone");
    assert_eq!(runs.count(), 1);
    let metrics = orders.service.metrics().render();
    assert!(metrics.contains(r#"result="undone""#), "{metrics}");

    let sent = request("one-way", "tea")?;
    orders.client.http_one_way(sent, Reserved::Refuse).await?;
    // Behind it in its lane.
    orders.call(request("one-way", "tea")?).await?;
    assert_eq!(runs.count(), 3);
    orders.end().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_stored_is_asked_for_again_and_found_or_done_again() -> TestResult {
    for (end, ran, is_replayed) in [(End::FirstLost, 2, false), (End::FirstUnheard, 1, true)] {
        let (app, runs) = counting(numbered);
        let orders = Deduped::with(app, Idempotency::Optional, Forgetful::new(end)).await?;
        let answer = orders.call(request("k", "tea")?).await?;
        assert_eq!(answer.body, format!("run {ran}"), "{end:?}");
        assert_eq!(answer.replayed, is_replayed, "{end:?}");
        assert_eq!(runs.count(), ran, "{end:?}");
        orders.end().await;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_was_done_is_stored_though_its_caller_has_given_up_meanwhile() -> TestResult {
    let (app, runs) = counting(numbered);
    let store = Forgetful::new(End::Slow(Duration::from_millis(2500)));
    let orders = Deduped::with(app, Idempotency::Optional, store).await?;
    let mut hasty = request("k", "tea")?;
    let mut options = Options::default();
    options.timeout = Some(Duration::from_secs(2));
    hasty.extensions_mut().insert(options);
    let unanswered = orders.client.clone().oneshot(hasty).await;
    assert!(
        matches!(unanswered, Err(CallError::Unknown(_))),
        "{unanswered:?}"
    );

    let answer = orders.call(request("k", "tea")?).await?;
    assert_eq!(answer.body, "run 1");
    assert!(answer.replayed);
    assert_eq!(runs.count(), 1);
    orders.end().await;
    Ok(())
}
