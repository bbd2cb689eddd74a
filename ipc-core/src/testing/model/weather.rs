//! What is amiss around the services at the moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Shared by everything that can go wrong. Nothing does until it is rough.
#[derive(Clone, Default)]
pub(super) struct Weather(Arc<Inner>);

#[derive(Default)]
struct Inner {
    rough: AtomicBool,
    log_back: Mutex<Option<Instant>>,
    store_back: Mutex<Option<Instant>>,
}

impl Weather {
    pub(super) fn turn_rough(&self) {
        self.0.rough.store(true, Ordering::Relaxed);
    }

    /// Nothing goes wrong any more.
    pub(super) fn clear(&self) {
        self.0.rough.store(false, Ordering::Relaxed);
        *self.0.log_back.lock() = None;
        *self.0.store_back.lock() = None;
    }

    pub(super) fn is_rough(&self) -> bool {
        self.0.rough.load(Ordering::Relaxed)
    }

    /// The log does not answer for so long.
    pub(super) fn lose_log(&self, time: Duration) {
        *self.0.log_back.lock() = Some(Instant::now() + time);
    }

    /// The dedup store does not answer for so long.
    pub(super) fn lose_store(&self, time: Duration) {
        *self.0.store_back.lock() = Some(Instant::now() + time);
    }

    /// How much longer the log does not answer, where it does not.
    pub(super) fn log_is_away(&self) -> Option<Duration> {
        left(*self.0.log_back.lock())
    }

    /// How much longer the dedup store does not answer, where it does not.
    pub(super) fn store_is_away(&self) -> Option<Duration> {
        left(*self.0.store_back.lock())
    }
}

fn left(until: Option<Instant>) -> Option<Duration> {
    let left = until?.saturating_duration_since(Instant::now());
    Some(left).filter(|left| !left.is_zero())
}
