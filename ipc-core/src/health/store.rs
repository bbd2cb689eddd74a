//! The handle through which a dedup store's user reports.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::State;

/// Between two lines in the log about a store that stays away.
const QUIET: Duration = Duration::from_secs(10);

/// A dedup store, as those who ask it find it. It counts until this is dropped.
///
/// One of those may wait until somebody finds it [away](StoreHealth::went_away).
#[derive(Debug)]
pub struct StoreHealth {
    state: Arc<State>,
    name: &'static str,
    is_away: AtomicBool,
    /// Whether it has answered anybody since it was last asked for that.
    has_answered: AtomicBool,
    news: Notify,
    told: Mutex<Option<Instant>>,
}

impl StoreHealth {
    pub(super) fn new(state: &Arc<State>, name: &'static str) -> Self {
        Self {
            state: Arc::clone(state),
            name,
            is_away: AtomicBool::new(false),
            has_answered: AtomicBool::new(true),
            news: Notify::new(),
            told: Mutex::new(None),
        }
    }

    /// It has answered somebody.
    pub fn answered(&self) {
        // Asked with every request: mostly there is nothing to tell.
        if !self.has_answered.load(Ordering::Relaxed) {
            self.has_answered.store(true, Ordering::Relaxed);
        }
        self.reachable();
    }

    /// Whether it has answered anybody since this was asked last.
    pub fn took_answers(&self) -> bool {
        self.has_answered.swap(false, Ordering::Relaxed)
    }

    /// Waits until somebody finds it away, if it is not now.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is changed.
    pub async fn went_away(&self) {
        while !self.is_away.load(Ordering::Relaxed) {
            self.news.notified().await;
        }
    }

    /// It seems to be there.
    pub fn reachable(&self) {
        if self.is_away.load(Ordering::Relaxed) && self.is_away.swap(false, Ordering::Relaxed) {
            self.state.known.lock().stores.remove(self.name);
            tracing::info!(store = self.name, "the dedup store answers again");
        }
    }

    /// It does not answer, and why.
    pub fn away(&self, reason: String) {
        self.is_away.store(true, Ordering::Relaxed);
        self.news.notify_one();
        let now = Instant::now();
        let mut told = self.told.lock();
        if told.is_none_or(|at| now.saturating_duration_since(at) >= QUIET) {
            *told = Some(now);
            tracing::warn!(store = self.name, reason, "the dedup store does not answer");
        }
        let mut known = self.state.known.lock();
        known.stores.insert(self.name, reason.into());
    }
}

impl Drop for StoreHealth {
    fn drop(&mut self) {
        self.state.known.lock().stores.remove(self.name);
    }
}
