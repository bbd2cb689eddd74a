//! A dedup store that does not always answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::time::sleep;

use super::history::What;
use super::weather::Weather;
use super::world::World;
use crate::store::{
    Claim, ClaimDecorator, ClaimRequest, Claimed, DedupStore, Effects, Fence, FinishError,
    MemoryStore, Needs, StoreError, StoredReply,
};

/// How long the store's client waits for an answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);
/// How long an answer takes that takes long.
const SLOW: Duration = Duration::from_millis(900);

/// A store outside of the instances, which outlives them. Its answers are slow, lost, or
/// do not come, as the dice fall.
#[derive(Clone)]
pub(super) struct Flaky(Arc<Inner>);

struct Inner {
    store: MemoryStore,
    world: World,
    weather: Weather,
    /// Claims that were granted to somebody who was not told, until their leases end.
    untold: Mutex<Vec<Box<dyn Claimed>>>,
}

/// What becomes of a question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Answered,
    /// It is not heard.
    Lost,
    /// It is, and its answer is lost.
    AnswerLost,
}

impl Flaky {
    pub(super) fn new(world: World, weather: Weather) -> Self {
        Self(Arc::new(Inner {
            store: MemoryStore::new(10_000),
            world,
            weather,
            untold: Mutex::default(),
        }))
    }

    /// Takes the time that the answer takes.
    async fn fate(&self) -> Fate {
        let Inner { world, weather, .. } = &*self.0;
        if let Some(away) = weather.store_is_away() {
            sleep(away.min(ANSWERS_WITHIN)).await;
            return Fate::Lost;
        }
        if !weather.is_rough() || !world.once_in(8) || !world.takes_fault() {
            return Fate::Answered;
        }
        let (fate, after) = match world.below(4) {
            0 => (Fate::Lost, ANSWERS_WITHIN),
            1 => (Fate::AnswerLost, ANSWERS_WITHIN),
            2 => (Fate::Lost, Duration::ZERO),
            _ => (Fate::Answered, world.some_of(SLOW)),
        };
        world.note(What::Fault {
            what: format!("a question to the dedup store is {fate:?} after {after:?}"),
        });
        if !after.is_zero() {
            sleep(after).await;
        }
        fate
    }
}

fn unanswered() -> StoreError {
    StoreError::new("flaky", "no answer arrived")
}

#[async_trait]
impl DedupStore for Flaky {
    fn name(&self) -> &'static str {
        "flaky"
    }

    async fn check(&self, needs: &Needs) -> Result<(), Vec<String>> {
        self.0.store.check(needs).await
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        let fate = self.fate().await;
        if fate == Fate::Lost {
            return Err(unanswered());
        }
        let claim = self.0.store.claim(request).await?;
        match claim {
            Claim::Granted(claimed) if fate == Fate::AnswerLost => {
                self.0.untold.lock().push(claimed);
            }
            Claim::Granted(claimed) => {
                return Ok(Claim::Granted(FlakyClaim(self.clone()).before(claimed)));
            }
            claim if fate == Fate::Answered => return Ok(claim),
            _ => {}
        }
        Err(unanswered())
    }
}

impl fmt::Debug for Flaky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flaky").finish_non_exhaustive()
    }
}

/// A claim whose end the store may not hear of, or not confirm.
#[derive(Debug)]
struct FlakyClaim(Flaky);

#[async_trait]
impl ClaimDecorator for FlakyClaim {
    async fn finish(
        self,
        claimed: Box<dyn Claimed>,
        reply: &StoredReply,
        effects: Effects,
    ) -> Result<(), FinishError> {
        let again: Box<dyn Claimed> = match self.0.fate().await {
            Fate::Answered => return claimed.finish(reply, effects).await,
            Fate::AnswerLost => Box::new(Finished {
                fence: claimed.fence(),
                is_stored: claimed.finish(reply, effects).await.is_ok(),
            }),
            Fate::Lost => self.before(claimed),
        };
        Err(FinishError::Unknown {
            error: unanswered(),
            claimed: Some(again),
        })
    }

    async fn release(self, claimed: Box<dyn Claimed>) {
        match self.0.fate().await {
            Fate::Lost => self.0.0.untold.lock().push(claimed),
            Fate::Answered | Fate::AnswerLost => claimed.release().await,
        }
    }
}

/// A claim whose end the store knows, and nobody else.
#[derive(Debug)]
struct Finished {
    fence: Fence,
    /// Whether the reply is stored; else another owner has the work.
    is_stored: bool,
}

#[async_trait]
impl Claimed for Finished {
    fn fence(&self) -> Fence {
        self.fence
    }

    fn took_over(&self) -> bool {
        false
    }

    async fn finish(self: Box<Self>, _: &StoredReply, _: Effects) -> Result<(), FinishError> {
        match self.is_stored {
            true => Ok(()),
            false => Err(FinishError::Fenced),
        }
    }

    async fn release(self: Box<Self>) {}
}
