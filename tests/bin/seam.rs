//! Standing still at a seam between a claim and a reply.

use std::{future::pending, str::FromStr};

use anyhow::{Error, bail};
use async_trait::async_trait;
use harness::say;
use ipc_core::store::{
    ClaimDecorator, ClaimRequest, Claimed, DedupStore, Effects, FinishError, StoreDecorator,
    StoredReply,
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
impl<S: DedupStore> StoreDecorator for Held<S> {
    fn inner(&self) -> &dyn DedupStore {
        &self.store
    }

    fn granted(&self, request: &ClaimRequest, claimed: Box<dyn Claimed>) -> Box<dyn Claimed> {
        let held = HeldClaim {
            seam: self.seam,
            work: String::from_utf8_lossy(&request.id.key).into_owned(),
        };
        held.before(claimed)
    }
}

#[derive(Debug)]
struct HeldClaim {
    seam: Seam,
    work: String,
}

#[async_trait]
impl ClaimDecorator for HeldClaim {
    async fn finish(
        self,
        claimed: Box<dyn Claimed>,
        reply: &StoredReply,
        effects: Effects,
    ) -> Result<(), FinishError> {
        claimed.finish(reply, effects).await?;
        self.seam.reached(Seam::AfterMark, &self.work).await;
        Ok(())
    }
}
