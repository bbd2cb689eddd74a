//! A dedup store of which the history tells what it answered.

use std::fmt;

use async_trait::async_trait;

use super::history::What;
use super::world::World;
use crate::store::{
    Claim, ClaimDecorator, ClaimRequest, Claimed, Dedup, DedupStore, Effects, FinishError,
    StoreDecorator, StoreError, StoredReply,
};

/// Notes what the store of one instance answers.
#[derive(Clone)]
pub(super) struct Noting {
    world: World,
    instance: u32,
}

impl Noting {
    pub(super) fn new(world: World, instance: u32) -> Self {
        Self { world, instance }
    }

    pub(super) fn of(self, store: impl DedupStore) -> Dedup {
        let noting = self;
        Dedup::new(Noted { store, noting })
    }
}

impl fmt::Debug for Noting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Noting").field(&self.instance).finish()
    }
}

#[derive(Debug)]
struct Noted<S> {
    store: S,
    noting: Noting,
}

#[async_trait]
impl<S: DedupStore> StoreDecorator for Noted<S> {
    fn inner(&self) -> &dyn DedupStore {
        &self.store
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        let key = String::from_utf8_lossy(&request.id.key);
        let work = key.rsplit(' ').next().and_then(|work| work.parse().ok());
        let noting = self.noting.clone();
        let Noting { world, instance } = self.noting.clone();
        match self.store.claim(request).await {
            Ok(Claim::Granted(claimed)) => {
                world.note(What::Claimed { instance, work });
                let noted = NotedClaim { noting, work };
                Ok(Claim::Granted(noted.before(claimed)))
            }
            Ok(claim) => Ok(claim),
            Err(error) => {
                world.note(What::Unclaimed { work });
                Err(error)
            }
        }
    }
}

#[derive(Debug)]
struct NotedClaim {
    noting: Noting,
    work: Option<u32>,
}

#[async_trait]
impl ClaimDecorator for NotedClaim {
    async fn finish(
        self,
        claimed: Box<dyn Claimed>,
        reply: &StoredReply,
        effects: Effects,
    ) -> Result<(), FinishError> {
        let work = self.work;
        let Noting { world, instance } = &self.noting;
        let mut ending = Ending(Some((world.clone(), work)));
        match claimed.finish(reply, effects).await {
            Ok(()) => {
                ending.0 = None;
                let instance = *instance;
                world.note(What::Stored { instance, work });
                Ok(())
            }
            Err(FinishError::Unknown { error, claimed }) => {
                let claimed = claimed.map(|claimed| self.before(claimed));
                Err(FinishError::Unknown { error, claimed })
            }
            Err(error) => {
                ending.0 = None;
                Err(error)
            }
        }
    }
}

/// Until the store has said what became of a reply.
struct Ending(Option<(World, Option<u32>)>);

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some((world, work)) = self.0.take() {
            world.note(What::Unstored { work });
        }
    }
}
