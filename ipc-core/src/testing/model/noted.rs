//! A dedup store of which the history tells what it answered.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::history::What;
use super::world::World;
use crate::store::{
    Claim, ClaimRequest, Claimed, Dedup, DedupStore, Effects, Fence, FinishError, Lent, Needs,
    StoreError, StoredReply,
};
use crate::transport::Transport;

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
impl<S: DedupStore> DedupStore for Noted<S> {
    fn name(&self) -> &'static str {
        self.store.name()
    }

    async fn check(&self, needs: &Needs) -> Result<(), Vec<String>> {
        self.store.check(needs).await
    }

    fn attach(&self, transport: &Arc<dyn Transport>) {
        self.store.attach(transport);
    }

    fn topics_beside_requests(&self, keep: Duration) -> Option<Vec<(&'static str, String)>> {
        self.store.topics_beside_requests(keep)
    }

    fn outlasts_handlers(&self) -> bool {
        self.store.outlasts_handlers()
    }

    fn left(&self, topic: &Arc<str>, partition: i32) {
        self.store.left(topic, partition);
    }

    async fn probe(&self, work: &ClaimRequest) -> Result<(), StoreError> {
        self.store.probe(work).await
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        let key = String::from_utf8_lossy(&request.id.key);
        let work = key.rsplit(' ').next().and_then(|work| work.parse().ok());
        let Noting { world, instance } = self.noting.clone();
        match self.store.claim(request).await {
            Ok(Claim::Granted(claimed)) => {
                world.note(What::Claimed { instance, work });
                Ok(Claim::Granted(Box::new(NotedClaim {
                    claimed,
                    noting: self.noting.clone(),
                    work,
                })))
            }
            Ok(claim) => Ok(claim),
            Err(error) => {
                world.note(What::Unclaimed { work });
                Err(error)
            }
        }
    }

    async fn upkeep(&self) {
        self.store.upkeep().await;
    }
}

#[derive(Debug)]
struct NotedClaim {
    claimed: Box<dyn Claimed>,
    noting: Noting,
    work: Option<u32>,
}

#[async_trait]
impl Claimed for NotedClaim {
    fn fence(&self) -> Fence {
        self.claimed.fence()
    }

    fn took_over(&self) -> bool {
        self.claimed.took_over()
    }

    fn lend(&self) -> Option<Lent> {
        self.claimed.lend()
    }

    async fn extend(&mut self, lease: Duration) -> Result<bool, StoreError> {
        self.claimed.extend(lease).await
    }

    async fn finish(
        self: Box<Self>,
        reply: &StoredReply,
        effects: Effects,
    ) -> Result<(), FinishError> {
        let Self {
            claimed,
            noting,
            work,
        } = *self;
        let instance = noting.instance;
        let mut ending = Ending(Some((noting.world.clone(), work)));
        match claimed.finish(reply, effects).await {
            Ok(()) => {
                ending.0 = None;
                noting.world.note(What::Stored { instance, work });
                Ok(())
            }
            Err(FinishError::Unknown { error, claimed }) => {
                let again = claimed.map(|claimed| -> Box<dyn Claimed> {
                    Box::new(Self {
                        claimed,
                        noting,
                        work,
                    })
                });
                Err(FinishError::Unknown {
                    error,
                    claimed: again,
                })
            }
            Err(error) => {
                ending.0 = None;
                Err(error)
            }
        }
    }

    async fn release(self: Box<Self>) {
        self.claimed.release().await;
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
