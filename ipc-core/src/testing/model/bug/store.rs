//! Bugs between an instance and its dedup store.

use std::time::Duration;

use async_trait::async_trait;

use super::Bug;
use crate::store::{
    Claim, ClaimDecorator, ClaimRequest, Claimed, DedupStore, Effects, Fence, FinishError,
    StoreDecorator, StoreError, StoredReply,
};

#[derive(Debug)]
pub(super) struct PlantedStore<S> {
    pub(super) store: S,
    pub(super) bug: Bug,
}

#[async_trait]
impl<S: DedupStore> StoreDecorator for PlantedStore<S> {
    fn inner(&self) -> &dyn DedupStore {
        &self.store
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
            return Ok(Claim::Granted(PlantedClaim(self.bug).before(claimed)));
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
struct PlantedClaim(Bug);

#[async_trait]
impl ClaimDecorator for PlantedClaim {
    async fn finish(
        self,
        claimed: Box<dyn Claimed>,
        reply: &StoredReply,
        effects: Effects,
    ) -> Result<(), FinishError> {
        match self.0 {
            Bug::NeverMarks => {
                claimed.release().await;
                Ok(())
            }
            // Nobody is told that he was not alone.
            Bug::ClaimsNothing => {
                let _ = claimed.finish(reply, effects).await;
                Ok(())
            }
            Bug::AnswersUnstored => match claimed.finish(reply, effects).await {
                Err(FinishError::Unknown { .. }) => Ok(()),
                finished => finished,
            },
            _ => claimed.finish(reply, effects).await,
        }
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
