//! How a service uses its store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::DedupStore;
use crate::contract::StoreDown;

/// Room between the end of a handler's timeout and the end of its lease.
const LEASE_MARGIN: Duration = Duration::from_secs(10);
/// As long as a request can come back with every default: a week in its log, a day
/// in which it waits, a fortnight as a dead letter.
const KEEP: Duration = Duration::from_secs(22 * 24 * 60 * 60);
const MAX_REPLY: usize = 1024 * 1024;

/// A store and how it is used.
///
/// ```
/// use std::time::Duration;
///
/// use ipc_core::store::{Dedup, MemoryStore, StoreDown};
///
/// let dedup = Dedup::new(MemoryStore::new(100_000))
///     .keep(Duration::from_secs(24 * 60 * 60))
///     .store_down(StoreDown::FailOpen);
/// # let _ = dedup;
/// ```
#[derive(Clone)]
pub struct Dedup {
    pub(crate) store: Arc<dyn DedupStore>,
    pub(crate) keep: Duration,
    pub(crate) lease_margin: Duration,
    pub(crate) max_reply: usize,
    pub(crate) store_down: StoreDown,
}

impl Dedup {
    /// Uses `store`, with every default.
    pub fn new(store: impl DedupStore) -> Self {
        Self {
            store: Arc::new(store),
            keep: KEEP,
            lease_margin: LEASE_MARGIN,
            max_reply: MAX_REPLY,
            store_down: StoreDown::default(),
        }
    }

    /// How long a reply is kept. It should be as long as a request can come back:
    /// the retention of its topic, the time it may wait, and the retention of dead
    /// letters, from which it is redriven. A service that keeps replies for less
    /// says so at its start. Default: 22 days.
    #[must_use]
    pub fn keep(mut self, keep: Duration) -> Self {
        self.keep = keep;
        self
    }

    /// How much longer than its endpoint's timeout a claim holds. When it is over
    /// the work of an instance that died is taken over. Default: 10 s.
    #[must_use]
    pub fn lease_margin(mut self, margin: Duration) -> Self {
        self.lease_margin = margin;
        self
    }

    /// The largest reply that is kept, in bytes of its body, or of all bodies of a
    /// stream, by endpoints that say nothing else; of a larger one only that it was
    /// there. Default: 1 MiB.
    #[must_use]
    pub fn max_reply(mut self, bytes: usize) -> Self {
        self.max_reply = bytes;
        self
    }

    /// What is done while the store is away, by endpoints that say nothing else.
    /// Default: [`StoreDown::FailClosed`].
    #[must_use]
    pub fn store_down(mut self, what: StoreDown) -> Self {
        self.store_down = what;
        self
    }
}

impl<S: DedupStore> From<S> for Dedup {
    fn from(store: S) -> Self {
        Self::new(store)
    }
}

impl fmt::Debug for Dedup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dedup")
            .field("store", &self.store)
            .field("keep", &self.keep)
            .finish_non_exhaustive()
    }
}
