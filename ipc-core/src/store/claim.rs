//! Claiming a piece of work.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{FinishError, StoreError, StoredReply};

/// What tells one piece of work from another.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct WorkId {
    /// Service and endpoint: `orders POST /orders/{id}/place`.
    pub scope: Arc<str>,
    /// The idempotency key, or the place of the record.
    pub key: Bytes,
}

impl WorkId {
    /// Both as 32 bytes: their SHA-256, the length of the scope first.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update((self.scope.len() as u64).to_be_bytes());
        hash.update(self.scope.as_bytes());
        hash.update(&self.key);
        hash.finalize().into()
    }
}

/// What a request asks for, in 32 bytes: one key must not stand for two requests.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The SHA-256 of `parts`, the length of each before it.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

/// A payload's fingerprint says too much of it to be logged.
impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(..)")
    }
}

/// The number of a claim, higher than that of every earlier claim of the same work:
/// a handler that writes it along, to a system which refuses lower ones, shuts out
/// an owner that was taken for dead and is not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Fence(pub u64);

/// Where a request came from, for a store that lies beside it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Place {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// Tells the times apart at which the partition came to this instance.
    pub assignment: u64,
}

/// A claim that is asked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClaimRequest {
    /// The work.
    pub id: WorkId,
    /// What is asked for.
    pub fingerprint: Fingerprint,
    /// The instance that asks.
    pub owner: Arc<str>,
    /// How long the claim holds unless it is finished or released.
    pub lease: Duration,
    /// How long the reply is kept.
    pub keep: Duration,
    /// How long the one who asks can wait for another owner. A store in which a
    /// claim waits by itself, as for a row lock, waits no longer.
    pub patience: Duration,
    /// Where the request came from. Default: nowhere.
    pub place: Option<Place>,
}

impl ClaimRequest {
    /// A claim on `id` by `owner`, which holds for 30 s, whose reply is kept for a
    /// day, and which does not wait.
    #[must_use]
    pub fn new(id: WorkId, fingerprint: Fingerprint, owner: impl Into<Arc<str>>) -> Self {
        Self {
            id,
            fingerprint,
            owner: owner.into(),
            lease: Duration::from_secs(30),
            keep: Duration::from_secs(24 * 60 * 60),
            patience: Duration::ZERO,
            place: None,
        }
    }
}

/// What has become of a piece of work.
#[derive(Debug)]
pub enum Claim {
    /// It is the asker's to do.
    Granted(Box<dyn Claimed>),
    /// Another owner does it.
    Running {
        /// When its lease ends, where the store can tell.
        lease_left: Option<Duration>,
    },
    /// It is done.
    Done(StoredReply),
    /// The key stands for another request.
    Mismatch,
}

/// What happens to what a handler wrote through the store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Effects {
    /// It stays.
    Keep,
    /// It is undone, and the reply is stored all the same: the request was refused.
    Undo,
}

/// Work that is the holder's to do, until it is finished or released. Dropped, it
/// is released at best effort, at the latest when its lease is over.
#[async_trait]
pub trait Claimed: fmt::Debug + Send + 'static {
    /// The fence of this claim: higher than that of every claim before it.
    fn fence(&self) -> Fence;

    /// Whether an earlier owner had let its lease run out.
    fn took_over(&self) -> bool;

    /// What the handler may use of the store: a transaction. Default: nothing.
    fn lend(&self) -> Option<Lent> {
        None
    }

    /// Holds the claim for `lease` from now on, where it is not over yet or nobody has
    /// claimed the work since. False where somebody has: nothing can be stored any
    /// more. Default: a claim without a lease, which holds.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the store cannot say; the claim may or may not hold.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may or may not extend the lease.
    async fn extend(&mut self, lease: Duration) -> Result<bool, StoreError> {
        let _ = lease;
        Ok(true)
    }

    /// Stores the reply. From here on every repetition gets it.
    ///
    /// # Errors
    ///
    /// [`FinishError::Fenced`] where the lease was over and another owner has
    /// claimed the work: nothing is stored. [`FinishError::Undone`] where nothing can
    /// be stored for what the handler did. [`FinishError::Unknown`] where nobody can
    /// say whether it is stored, with the claim to try again with where that may help.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: it may or may not be stored.
    async fn finish(
        self: Box<Self>,
        reply: &StoredReply,
        effects: Effects,
    ) -> Result<(), FinishError>;

    /// Gives the work up, as if it had never been claimed, but for the fence: the
    /// next claim is granted, with a higher one.
    ///
    /// # Cancel safety
    ///
    /// Dropped early, the claim may hold until its lease is over.
    async fn release(self: Box<Self>);
}

/// What a store lends to a handler; its own extractor knows what is inside.
#[derive(Clone)]
pub struct Lent(Arc<dyn Any + Send + Sync>);

impl Lent {
    /// Lends `value`.
    pub fn new<T: Any + Send + Sync>(value: Arc<T>) -> Self {
        Self(value)
    }

    /// What was lent, where it is a `T`.
    #[must_use]
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        Arc::clone(&self.0).downcast().ok()
    }
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lent(..)")
    }
}
