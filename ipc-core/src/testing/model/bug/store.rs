//! Bugs between an instance and its dedup store.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::Bug;
use crate::store::{
    Claim, ClaimRequest, Claimed, DedupStore, Effects, Fence, FinishError, Lent, Needs, StoreError,
    StoredReply,
};
use crate::transport::Transport;

#[derive(Debug)]
pub(super) struct PlantedStore<S> {
    pub(super) store: S,
    pub(super) bug: Bug,
}

#[async_trait]
impl<S: DedupStore> DedupStore for PlantedStore<S> {
    fn name(&self) -> &'static str {
        "planted"
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
        let mut request = request.clone();
        if self.bug == Bug::ClaimsNothing {
            request.lease = Duration::ZERO;
        }
        let claim = match self.store.claim(&request).await {
            Err(_) if self.bug == Bug::WorksUnclaimed => Claim::Granted(Box::new(Marked(Fence(0)))),
            claim => claim?,
        };
        let Claim::Granted(claimed) = claim else {
            return Ok(claim);
        };
        if self.bug != Bug::MarksEarly {
            let bug = self.bug;
            return Ok(Claim::Granted(Box::new(PlantedClaim { claimed, bug })));
        }
        let fence = claimed.fence();
        let work = request.id.key.rsplit(|byte| *byte == b' ').next();
        let reply = StoredReply::new(200, Vec::new(), work.unwrap_or_default().to_vec());
        // The first stores it for everyone.
        let _ = claimed.finish(&reply, Effects::Keep).await;
        Ok(Claim::Granted(Box::new(Marked(fence))))
    }
}

#[derive(Debug)]
struct PlantedClaim {
    claimed: Box<dyn Claimed>,
    bug: Bug,
}

#[async_trait]
impl Claimed for PlantedClaim {
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
        match self.bug {
            Bug::NeverMarks => {
                self.claimed.release().await;
                Ok(())
            }
            // Nobody is told that he was not alone.
            Bug::ClaimsNothing => {
                let _ = self.claimed.finish(reply, effects).await;
                Ok(())
            }
            Bug::AnswersUnstored => match self.claimed.finish(reply, effects).await {
                Err(FinishError::Unknown { .. }) => Ok(()),
                finished => finished,
            },
            _ => self.claimed.finish(reply, effects).await,
        }
    }

    async fn release(self: Box<Self>) {
        self.claimed.release().await;
    }
}

/// A claim on work that counts as done.
#[derive(Debug)]
struct Marked(Fence);

#[async_trait]
impl Claimed for Marked {
    fn fence(&self) -> Fence {
        self.0
    }

    fn took_over(&self) -> bool {
        false
    }

    async fn finish(self: Box<Self>, _: &StoredReply, _: Effects) -> Result<(), FinishError> {
        Ok(())
    }

    async fn release(self: Box<Self>) {}
}
