//! Remembering what was done, so that a repetition is recognised.
//!
//! A [`DedupStore`] keeps one state for each idempotency key of an endpoint:
//!
//! ```text
//! absent --claim--> in progress (owner, fence, lease) --finish--> done (reply)
//!    ^                   |    |
//!    +-----release-------+    +--lease over, claimed again: a higher fence
//! ```
//!
//! The first request of a key is granted its claim and its handler runs. A
//! repetition of it finds the reply that was stored and gets that, byte for byte;
//! one that comes while the first still runs waits for it. What is promised is in
//! `docs/delivery-semantics.md`; any implementation can be held to it with
//! [`testing::store`](crate::testing::store).

mod claim;
mod decorator;
mod error;
mod kafka;
mod memory;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "redis")]
mod redis;
mod reply;
mod settings;

#[cfg(feature = "redis")]
pub use self::redis::RedisStore;
pub use crate::contract::StoreDown;
pub use claim::{Claim, ClaimRequest, Claimed, Effects, Fence, Fingerprint, Lent, Place, WorkId};
pub use decorator::{ClaimDecorator, StoreDecorator};
pub use error::{FinishError, StoreError};
pub use kafka::KafkaStore;
pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::PostgresStore;
pub use reply::{ReplyTooOld, StoredBody, StoredReply};
pub use settings::Dedup;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::transport::Transport;

/// Where claims and replies are kept.
///
/// Every method may be called from many tasks at once, and must not block the
/// thread it is called on.
#[async_trait]
pub trait DedupStore: fmt::Debug + Send + Sync + 'static {
    /// What it is called in metrics, logs and the readiness body: `memory`.
    fn name(&self) -> &'static str;

    /// Whether it can keep what is promised: it answers, its schema is right, it
    /// does not throw keys away. Asked once, before anything is consumed.
    ///
    /// # Errors
    ///
    /// Every fault there is, each with the mend.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    async fn check(&self, needs: &Needs) -> Result<(), Vec<String>>;

    /// Is given the transport its service is served from, before it is asked
    /// anything else of. Default: it needs none.
    fn attach(&self, transport: &Arc<dyn Transport>) {
        let _ = transport;
    }

    /// The settings of topics that it keeps replies of `keep` in, one beside each
    /// request topic and of the same size. Default: it keeps none.
    fn topics_beside_requests(&self, keep: Duration) -> Option<Vec<(&'static str, String)>> {
        let _ = keep;
        None
    }

    /// Whether a claim may outlast its handler, as that of a reply stream does, which is
    /// stored once its last reply is known. Default: yes.
    fn outlasts_handlers(&self) -> bool {
        true
    }

    /// A partition of the requests has gone to another instance. Called on the
    /// consumer's thread: it must not block. Default: that is nothing to it.
    fn left(&self, topic: &Arc<str>, partition: i32) {
        let _ = (topic, partition);
    }

    /// Claims a piece of work, or learns what has become of it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the store cannot say.
    ///
    /// # Cancel safety
    ///
    /// A claim that was granted to a future dropped meanwhile is released, at the
    /// latest when its lease is over.
    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError>;

    /// Asks it for `work`, which is nobody's, while it is away: the service asks in
    /// the place of every request that waits for it, and goes on once it answers.
    /// Default: the work is claimed and released.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where it is still away.
    ///
    /// # Cancel safety
    ///
    /// As [`claim`](DedupStore::claim).
    async fn probe(&self, work: &ClaimRequest) -> Result<(), StoreError> {
        if let Claim::Granted(claimed) = self.claim(work).await? {
            claimed.release().await;
        }
        Ok(())
    }

    /// What the store does beside claims, such as forgetting what has had its time,
    /// for as long as a service uses it: the service runs it from its start until its
    /// end. Default: nothing.
    ///
    /// # Cancel safety
    ///
    /// It is dropped at the end.
    async fn upkeep(&self) {}
}

/// What a service asks of its store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Needs {
    /// The service.
    pub service: String,
    /// How long a reply is kept.
    pub keep: Duration,
    /// The longest lease that a claim will have.
    pub longest_lease: Duration,
    /// How many handlers may run at once.
    pub concurrency: usize,
}

impl Needs {
    /// What `service` needs, whose replies are kept for `keep`, whose claims last for
    /// `longest_lease` at most, and which runs one handler at a time.
    #[must_use]
    pub fn new(service: impl Into<String>, keep: Duration, longest_lease: Duration) -> Self {
        Self {
            service: service.into(),
            keep,
            longest_lease,
            concurrency: 1,
        }
    }
}
