//! A store before another.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::store::{Claim, ClaimRequest, Claimed, DedupStore, Needs, StoreError};
use crate::transport::Transport;

/// A [`DedupStore`] before another. Each method but [`granted`](Self::granted) is that of
/// [`DedupStore`], and passes on to the [`inner`](Self::inner) one.
#[async_trait]
pub trait StoreDecorator: fmt::Debug + Send + Sync + 'static {
    /// What it stands before.
    fn inner(&self) -> &dyn DedupStore;

    /// What is handed out in place of a claim that the inner store has granted: often
    /// that claim behind a [`ClaimDecorator`](super::ClaimDecorator). Default: the claim.
    fn granted(&self, request: &ClaimRequest, claimed: Box<dyn Claimed>) -> Box<dyn Claimed> {
        let _ = request;
        claimed
    }

    /// As [`DedupStore::name`].
    fn name(&self) -> &'static str {
        self.inner().name()
    }

    /// As [`DedupStore::check`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    async fn check(&self, needs: &Needs) -> Result<(), Vec<String>> {
        self.inner().check(needs).await
    }

    /// As [`DedupStore::attach`].
    fn attach(&self, transport: &Arc<dyn Transport>) {
        self.inner().attach(transport);
    }

    /// As [`DedupStore::topics_beside_requests`].
    fn topics_beside_requests(&self, keep: Duration) -> Option<Vec<(&'static str, String)>> {
        self.inner().topics_beside_requests(keep)
    }

    /// As [`DedupStore::outlasts_handlers`].
    fn outlasts_handlers(&self) -> bool {
        self.inner().outlasts_handlers()
    }

    /// As [`DedupStore::left`].
    fn left(&self, topic: &Arc<str>, partition: i32) {
        self.inner().left(topic, partition);
    }

    /// As [`DedupStore::claim`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        Ok(match self.inner().claim(request).await? {
            Claim::Granted(claimed) => Claim::Granted(self.granted(request, claimed)),
            other => other,
        })
    }

    /// As [`DedupStore::probe`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    async fn probe(&self, work: &ClaimRequest) -> Result<(), StoreError> {
        self.inner().probe(work).await
    }

    /// As [`DedupStore::upkeep`].
    ///
    /// # Cancel safety
    ///
    /// As there.
    async fn upkeep(&self) {
        self.inner().upkeep().await;
    }
}

#[async_trait]
impl<T: StoreDecorator> DedupStore for T {
    fn name(&self) -> &'static str {
        StoreDecorator::name(self)
    }

    async fn check(&self, needs: &Needs) -> Result<(), Vec<String>> {
        StoreDecorator::check(self, needs).await
    }

    fn attach(&self, transport: &Arc<dyn Transport>) {
        StoreDecorator::attach(self, transport);
    }

    fn topics_beside_requests(&self, keep: Duration) -> Option<Vec<(&'static str, String)>> {
        StoreDecorator::topics_beside_requests(self, keep)
    }

    fn outlasts_handlers(&self) -> bool {
        StoreDecorator::outlasts_handlers(self)
    }

    fn left(&self, topic: &Arc<str>, partition: i32) {
        StoreDecorator::left(self, topic, partition);
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        StoreDecorator::claim(self, request).await
    }

    async fn probe(&self, work: &ClaimRequest) -> Result<(), StoreError> {
        StoreDecorator::probe(self, work).await
    }

    async fn upkeep(&self) {
        StoreDecorator::upkeep(self).await;
    }
}
