//! A store in this process's memory.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hashlink::LinkedHashMap;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{
    Claim, ClaimRequest, Claimed, DedupStore, Effects, Fence, Fingerprint, FinishError, Needs,
    StoreError, StoredReply,
};

type Digest = [u8; 32];

/// Keeps claims and replies in this process's memory, for a service of one
/// instance and for tests: another instance does not see them, and a restart
/// forgets them.
///
/// Clones share what they keep.
#[derive(Clone)]
pub struct MemoryStore {
    most: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// The last fence given out. One sequence for all keys: what is forgotten of a
    /// key cannot make its fence go back.
    last_fence: u64,
    running: HashMap<Digest, Running>,
    /// The oldest first.
    done: LinkedHashMap<Digest, Done>,
}

struct Running {
    fingerprint: Fingerprint,
    fence: Fence,
    until: Instant,
}

struct Done {
    fingerprint: Fingerprint,
    reply: Bytes,
    until: Instant,
}

impl MemoryStore {
    /// Keeps at most `most` replies; the oldest go first, even before their time.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            state: Arc::default(),
        }
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl DedupStore for MemoryStore {
    fn name(&self) -> &'static str {
        "memory"
    }

    async fn check(&self, _: &Needs) -> Result<(), Vec<String>> {
        if self.most == 0 {
            let fault = "dedup store memory keeps 0 replies: let it keep at least one, \
                         MemoryStore::new(100_000)";
            return Err(vec![fault.to_owned()]);
        }
        Ok(())
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        let digest = request.id.digest();
        let now = Instant::now();
        let mut state = self.state.lock();
        if let Some(reply) = state.done_at(&digest, request, now) {
            return read(reply);
        }
        let fence = Fence(state.last_fence + 1);
        let running = Running {
            fingerprint: request.fingerprint,
            fence,
            until: now + request.lease,
        };
        let took_over = match state.running.entry(digest) {
            Entry::Occupied(other) if other.get().until > now => {
                let other = other.get();
                return Ok(if other.fingerprint == request.fingerprint {
                    let lease_left = Some(other.until - now);
                    Claim::Running { lease_left }
                } else {
                    Claim::Mismatch
                });
            }
            Entry::Occupied(mut dead) => {
                dead.insert(running);
                true
            }
            Entry::Vacant(free) => {
                free.insert(running);
                false
            }
        };
        state.last_fence = fence.0;
        Ok(Claim::Granted(Box::new(Held {
            store: self.clone(),
            digest,
            fence,
            took_over,
            keep: request.keep,
            ended: false,
        })))
    }
}

/// A reply that is found, or that the key stands for another request.
enum Found {
    Reply(Bytes),
    Mismatch,
}

fn read(found: Found) -> Result<Claim, StoreError> {
    let Found::Reply(bytes) = found else {
        return Ok(Claim::Mismatch);
    };
    let reply = StoredReply::from_bytes(&bytes);
    reply
        .map(Claim::Done)
        .map_err(|error| StoreError::new("memory", error.to_string()))
}

impl State {
    fn done_at(&mut self, digest: &Digest, request: &ClaimRequest, now: Instant) -> Option<Found> {
        let done = self.done.get(digest)?;
        if done.until <= now {
            self.done.remove(digest);
            return None;
        }
        Some(if done.fingerprint == request.fingerprint {
            Found::Reply(done.reply.clone())
        } else {
            Found::Mismatch
        })
    }

    /// Takes the claim away if it still holds.
    fn give_up(&mut self, digest: &Digest, fence: Fence) -> Option<Running> {
        match self.running.entry(*digest) {
            Entry::Occupied(held) if held.get().fence == fence => Some(held.remove()),
            _ => None,
        }
    }

    fn forget(&mut self, most: usize, now: Instant) {
        while let Some((_, oldest)) = self.done.front() {
            if self.done.len() <= most && oldest.until > now {
                break;
            }
            self.done.pop_front();
        }
    }
}

/// A claim that was granted.
struct Held {
    store: MemoryStore,
    digest: Digest,
    fence: Fence,
    took_over: bool,
    keep: Duration,
    ended: bool,
}

#[async_trait]
impl Claimed for Held {
    fn fence(&self) -> Fence {
        self.fence
    }

    fn took_over(&self) -> bool {
        self.took_over
    }

    async fn extend(&mut self, lease: Duration) -> Result<bool, StoreError> {
        let mut state = self.store.state.lock();
        let held = state.running.get_mut(&self.digest);
        let Some(running) = held.filter(|running| running.fence == self.fence) else {
            return Ok(false);
        };
        running.until = Instant::now() + lease;
        Ok(true)
    }

    async fn finish(
        mut self: Box<Self>,
        reply: &StoredReply,
        _: Effects,
    ) -> Result<(), FinishError> {
        let now = Instant::now();
        self.ended = true;
        let reply = reply.to_bytes();
        let mut state = self.store.state.lock();
        let running = state
            .give_up(&self.digest, self.fence)
            .ok_or(FinishError::Fenced)?;
        let done = Done {
            fingerprint: running.fingerprint,
            reply,
            until: now + self.keep,
        };
        state.done.insert(self.digest, done);
        state.forget(self.store.most, now);
        Ok(())
    }

    async fn release(self: Box<Self>) {}
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.ended {
            self.store.state.lock().give_up(&self.digest, self.fence);
        }
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("fence", &self.fence).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::WorkId;

    async fn finish_one(store: &MemoryStore, key: &'static str) {
        let Ok(Claim::Granted(claimed)) = store.claim(&request(key)).await else {
            panic!("{key} is not granted");
        };
        let reply = StoredReply::new(200, Vec::new(), key);
        claimed.finish(&reply, Effects::Keep).await.unwrap();
    }

    fn request(key: &'static str) -> ClaimRequest {
        let id = WorkId {
            scope: Arc::from("orders POST /orders"),
            key: Bytes::from_static(key.as_bytes()),
        };
        ClaimRequest::new(id, Fingerprint::of(&[]), "one")
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_reply_goes_first_where_there_is_no_room() {
        let store = MemoryStore::new(2);
        for key in ["a", "b", "c"] {
            finish_one(&store, key).await;
        }
        let first = store.claim(&request("a")).await.unwrap();
        assert!(matches!(first, Claim::Granted(_)), "{first:?}");
        let last = store.claim(&request("c")).await.unwrap();
        assert!(matches!(last, Claim::Done(_)), "{last:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_had_its_time_takes_no_room() {
        let store = MemoryStore::new(10);
        finish_one(&store, "a").await;
        tokio::time::advance(Duration::from_secs(24 * 60 * 60)).await;
        finish_one(&store, "b").await;
        assert_eq!(store.state.lock().done.len(), 1);
    }

    #[tokio::test]
    async fn a_store_without_room_is_refused_at_the_start() {
        let needs = Needs::new("orders", Duration::from_secs(1), Duration::from_secs(1));
        let faults = MemoryStore::new(0).check(&needs).await.unwrap_err();
        assert_eq!(faults.len(), 1);
    }
}
