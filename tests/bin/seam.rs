//! Standing still at a seam between a claim and a reply.

use std::{future::pending, str::FromStr, sync::Arc, time::Duration};

use anyhow::{Error, bail};
use async_trait::async_trait;
use harness::say;
use ipc_core::{
    store::{
        Claim, ClaimRequest, Claimed, DedupStore, Effects, Fence, FinishError, Lent, Needs,
        StoreError, StoredReply,
    },
    transport::Transport,
};

/// Where an instance stands still, to be killed there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Seam {
    /// Nowhere.
    None,
    /// The work is claimed.
    BeforeEffect,
    /// The effect has happened.
    AfterEffect,
    /// The reply is stored.
    AfterMark,
}

impl FromStr for Seam {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Ok(match name {
            "none" => Self::None,
            "before-effect" => Self::BeforeEffect,
            "after-effect" => Self::AfterEffect,
            "after-mark" => Self::AfterMark,
            other => bail!("no seam: {other}"),
        })
    }
}

impl Seam {
    /// Says so and stands still, where this is the seam.
    pub(crate) async fn reached(self, seam: Self, work: &str) {
        if self == seam {
            say(&format!("{seam:?} {work}"));
            pending().await
        }
    }
}

/// A store that stands still when it has stored a reply, where that is the seam.
#[derive(Debug)]
pub(crate) struct Held<S> {
    seam: Seam,
    store: S,
}

impl<S> Held<S> {
    pub(crate) fn at(seam: Seam, store: S) -> Self {
        Self { seam, store }
    }
}

#[async_trait]
impl<S: DedupStore> DedupStore for Held<S> {
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

    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        Ok(match self.store.claim(request).await? {
            Claim::Granted(claimed) => Claim::Granted(Box::new(HeldClaim {
                seam: self.seam,
                work: String::from_utf8_lossy(&request.id.key).into_owned(),
                claimed,
            })),
            other => other,
        })
    }

    async fn upkeep(&self) {
        self.store.upkeep().await;
    }
}

#[derive(Debug)]
struct HeldClaim {
    seam: Seam,
    work: String,
    claimed: Box<dyn Claimed>,
}

#[async_trait]
impl Claimed for HeldClaim {
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
        self.claimed.finish(reply, effects).await?;
        self.seam.reached(Seam::AfterMark, &self.work).await;
        Ok(())
    }

    async fn release(self: Box<Self>) {
        self.claimed.release().await;
    }
}
