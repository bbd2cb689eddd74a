//! A claim before another.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::store::{Claimed, Effects, Fence, FinishError, Lent, StoreError, StoredReply};

/// What is done otherwise than by the claim it stands [before](Self::before). Each method
/// is that of [`Claimed`], and passes on to `claimed`.
#[async_trait]
pub trait ClaimDecorator: fmt::Debug + Send + Sized + 'static {
    /// `claimed`, with this before it.
    fn before(self, claimed: Box<dyn Claimed>) -> Box<dyn Claimed> {
        Box::new(Decorated {
            claimed,
            decorator: self,
        })
    }

    /// As [`Claimed::extend`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    async fn extend(
        &mut self,
        claimed: &mut dyn Claimed,
        lease: Duration,
    ) -> Result<bool, StoreError> {
        claimed.extend(lease).await
    }

    /// As [`Claimed::finish`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    async fn finish(
        self,
        claimed: Box<dyn Claimed>,
        reply: &StoredReply,
        effects: Effects,
    ) -> Result<(), FinishError> {
        claimed.finish(reply, effects).await
    }

    /// As [`Claimed::release`].
    ///
    /// # Cancel safety
    ///
    /// As there.
    async fn release(self, claimed: Box<dyn Claimed>) {
        claimed.release().await;
    }
}

#[derive(Debug)]
struct Decorated<D> {
    claimed: Box<dyn Claimed>,
    decorator: D,
}

#[async_trait]
impl<D: ClaimDecorator> Claimed for Decorated<D> {
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
        self.decorator.extend(&mut *self.claimed, lease).await
    }

    async fn finish(
        self: Box<Self>,
        reply: &StoredReply,
        effects: Effects,
    ) -> Result<(), FinishError> {
        self.decorator.finish(self.claimed, reply, effects).await
    }

    async fn release(self: Box<Self>) {
        self.decorator.release(self.claimed).await;
    }
}
