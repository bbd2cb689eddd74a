//! Tokens that were verified lately, so that it is not done for every request.

use std::fmt;
use std::sync::Arc;

use hashlink::LruCache;
use ipc_core::envelope::UnixMillis;
use parking_lot::Mutex;
use ring::digest::{SHA256, digest};

use super::issuer::{Issuer, Vouched};
use crate::auth::Principal;

/// What a token is remembered by: what was kept of it is no token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TokenHash([u8; 32]);

impl TokenHash {
    pub(super) fn of(token: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        Self(hash)
    }
}

struct Kept {
    issuer: Arc<Issuer>,
    vouched: Vouched,
}

/// How many requests may look at once without waiting for one another.
const SHARDS: usize = 16;

/// The tokens that were seen last, so many and no longer than they hold.
pub(super) struct Verified {
    most: usize,
    shards: Vec<Mutex<LruCache<TokenHash, Kept>>>,
}

impl Verified {
    pub(super) fn new(most: usize) -> Self {
        let shard = || Mutex::new(LruCache::new(most.div_ceil(SHARDS)));
        Self {
            most,
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
        }
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// Who bears this token, where that is known and still holds.
    pub(super) fn find(&self, hash: &TokenHash, now: UnixMillis) -> Option<Principal> {
        let mut shard = self.shard(hash).lock();
        let kept = shard.get(hash)?;
        let holds = kept.vouched.until > now
            // An issuer takes a token back by taking its key back.
            && kept.vouched.generation == kept.issuer.generation();
        if !holds {
            shard.remove(hash);
            return None;
        }
        Some(kept.vouched.principal.clone())
    }

    pub(super) fn keep(&self, hash: TokenHash, issuer: Arc<Issuer>, vouched: Vouched) {
        self.shard(&hash)
            .lock()
            .insert(hash, Kept { issuer, vouched });
    }

    fn shard(&self, hash: &TokenHash) -> &Mutex<LruCache<TokenHash, Kept>> {
        &self.shards[usize::from(hash.0[0]) % SHARDS]
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}
