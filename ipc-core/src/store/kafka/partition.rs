//! One partition of the dedup topic, as its owner knows it.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hashlink::LinkedHashMap;
use parking_lot::Mutex;

use super::NAME;
use super::entry::{Digest, Done};
use crate::envelope::UnixMillis;
use crate::store::{
    Claim, ClaimRequest, Claimed, Effects, Fence, Fingerprint, FinishError, StoreError, StoredReply,
};
use crate::transport::{Follower, Outgoing, SendError, TopicPartition, Transport};

/// Bits for the claims of one owner: a fence is the offset at which it began, and in
/// these the number of the claim. An owner that runs over them has stored replies,
/// and so moved its successor's offset on.
const CLAIMS: u32 = 24;

pub(super) struct Partition {
    pub(super) place: TopicPartition,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) known: Arc<Mutex<Known>>,
    /// What reads it, once there is one.
    pub(super) follower: tokio::sync::Mutex<Option<Follower>>,
}

/// What is known of a partition: from its log, and of the claims given out here.
#[derive(Default)]
pub(super) struct Known {
    /// The assignment for which everything has been read last.
    owner: Option<u64>,
    /// Where that began.
    begun: i64,
    /// Where another owner began last: what that one stored since may not be known here.
    another: i64,
    last_fence: u64,
    running: HashMap<Digest, (Fingerprint, Fence)>,
    /// The oldest first.
    done: LinkedHashMap<Digest, Done>,
}

impl Partition {
    pub(super) fn new(transport: Arc<dyn Transport>, place: TopicPartition) -> Self {
        Self {
            place,
            transport,
            known: Arc::default(),
            follower: tokio::sync::Mutex::default(),
        }
    }

    /// Answers a claim from what is known. None where another owner has begun since
    /// everything was read.
    pub(super) fn claim(
        self: &Arc<Self>,
        assignment: u64,
        request: &ClaimRequest,
    ) -> Result<Option<Claim>, StoreError> {
        let digest = request.id.digest();
        let now = self.transport.now();
        let mut known = self.known.lock();
        if !known.is_owned_by(assignment) {
            return Ok(None);
        }
        if let Some(done) = known.done_at(&digest, now) {
            return match done.fingerprint == request.fingerprint {
                true => read(&done.reply).map(Some),
                false => Ok(Some(Claim::Mismatch)),
            };
        }
        let fence = Fence(known.last_fence + 1);
        match known.running.entry(digest) {
            Slot::Occupied(other) => {
                return Ok(Some(match other.get().0 == request.fingerprint {
                    true => Claim::Running { lease_left: None },
                    false => Claim::Mismatch,
                }));
            }
            Slot::Vacant(free) => free.insert((request.fingerprint, fence)),
        };
        known.last_fence = fence.0;
        Ok(Some(Claim::Granted(Box::new(Held {
            partition: Arc::clone(self),
            digest,
            fingerprint: request.fingerprint,
            fence,
            until: now.plus(request.keep),
        }))))
    }

    /// Writes what is done, and returns when the log has it.
    async fn write(&self, digest: &Digest, done: &Done) -> Result<(), SendError> {
        let record = Outgoing {
            topic: Arc::clone(&self.place.topic),
            partition: Some(self.place.partition),
            envelope: done.to_envelope(digest),
        };
        let receipt = self.transport.append(&record);
        receipt.await.map(drop)
    }
}

impl Known {
    pub(super) fn is_owned_by(&self, assignment: u64) -> bool {
        self.owner == Some(assignment) && self.another <= self.begun
    }

    /// Everything up to `offset`, at which the owner wrote that it begins, is known.
    pub(super) fn begin(&mut self, assignment: u64, offset: i64) {
        if self.owner != Some(assignment) {
            // What an earlier assignment still works at may store nothing any more.
            self.running.clear();
        }
        self.owner = Some(assignment);
        self.begun = offset;
        let begun = u64::try_from(offset).unwrap_or_default() + 1;
        self.last_fence = self.last_fence.max(begun << CLAIMS);
    }

    pub(super) fn another_began(&mut self, offset: i64) {
        self.another = offset;
    }

    /// Takes in what the log has.
    pub(super) fn learn(&mut self, digest: Digest, done: Done, now: UnixMillis) {
        let is_newer = |there: &Done| done.fence >= there.fence;
        if self.done.get(&digest).is_none_or(is_newer) {
            self.done.insert(digest, done);
        }
        while let Some((_, oldest)) = self.done.front() {
            if oldest.until > now {
                break;
            }
            self.done.pop_front();
        }
    }

    fn done_at(&self, digest: &Digest, now: UnixMillis) -> Option<&Done> {
        self.done.get(digest).filter(|done| done.until > now)
    }

    /// Takes the claim away if it still holds.
    fn give_up(&mut self, digest: &Digest, fence: Fence) -> bool {
        let holds = matches!(self.running.get(digest), Some((_, held)) if *held == fence);
        if holds {
            self.running.remove(digest);
        }
        holds
    }
}

fn read(reply: &[u8]) -> Result<Claim, StoreError> {
    let reply = StoredReply::from_bytes(reply);
    reply
        .map(Claim::Done)
        .map_err(|error| StoreError::new(NAME, error.to_string()))
}

/// A claim that was granted.
struct Held {
    partition: Arc<Partition>,
    digest: Digest,
    fingerprint: Fingerprint,
    fence: Fence,
    until: UnixMillis,
}

impl Held {
    fn done(&self, reply: &StoredReply) -> Done {
        Done {
            fingerprint: self.fingerprint,
            fence: self.fence,
            until: self.until,
            reply: reply.to_bytes(),
        }
    }

    async fn write(&self, done: &Done) -> Result<(), SendError> {
        self.partition.write(&self.digest, done).await
    }

    fn holds(&self) -> bool {
        let known = self.partition.known.lock();
        matches!(known.running.get(&self.digest), Some((_, held)) if *held == self.fence)
    }
}

#[async_trait]
impl Claimed for Held {
    fn fence(&self) -> Fence {
        self.fence
    }

    /// An owner that died left nothing that would tell.
    fn took_over(&self) -> bool {
        false
    }

    /// There is no lease: the owner of the partition is the owner of the claim.
    async fn extend(&mut self, _: Duration) -> Result<bool, StoreError> {
        Ok(self.holds())
    }

    async fn finish(self: Box<Self>, reply: &StoredReply, _: Effects) -> Result<(), FinishError> {
        if !self.holds() {
            return Err(FinishError::Fenced);
        }
        let mut done = self.done(reply);
        let mut written = self.write(&done).await;
        if let Err(SendError::TooLarge { reason, .. }) = &written {
            tracing::warn!(
                reason,
                "a reply does not fit the dedup topic; that it was there is kept"
            );
            done = self.done(&reply.without_body());
            written = self.write(&done).await;
        }
        match written {
            Ok(()) => {
                let now = self.partition.transport.now();
                let mut known = self.partition.known.lock();
                if !known.give_up(&self.digest, self.fence) {
                    return Err(FinishError::Fenced);
                }
                // Before it comes back from the log, too, it is known.
                known.learn(self.digest, done, now);
                Ok(())
            }
            Err(error) => Err(FinishError::Unknown {
                error: StoreError::new(NAME, error.to_string()),
                claimed: Some(self),
            }),
        }
    }

    async fn release(self: Box<Self>) {}
}

impl Drop for Held {
    fn drop(&mut self) {
        self.partition
            .known
            .lock()
            .give_up(&self.digest, self.fence);
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("fence", &self.fence).finish()
    }
}
