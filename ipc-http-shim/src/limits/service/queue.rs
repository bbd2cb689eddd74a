//! The queue in front of a service, as many tasks see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::backlog::Backlog;

/// The queue in front of a service.
#[derive(Debug)]
pub(super) struct Queue {
    began: Instant,
    under_way: AtomicUsize,
    /// Milliseconds from `began` until which there may be a queue: to look at without
    /// the lock.
    news_until: AtomicU64,
    backlog: Mutex<Backlog>,
}

/// A request that may be in the queue until this is dropped.
#[derive(Debug)]
pub(super) struct Queued(Arc<Queue>);

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            under_way: AtomicUsize::new(0),
            news_until: AtomicU64::new(0),
            backlog: Mutex::default(),
        }
    }

    /// How long one more request would wait.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        let now = now - self.began;
        if millis(now) >= self.news_until.load(Ordering::Relaxed) {
            return Duration::ZERO;
        }
        let under_way = self.under_way.load(Ordering::Relaxed);
        self.backlog.lock().wait(now, under_way)
    }

    /// Counts one more request.
    pub(super) fn enter(self: &Arc<Self>) -> Queued {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        Queued(Arc::clone(self))
    }
}

impl Queued {
    /// Takes in that it was answered `now`, after `round_trip`, of which it was `queued` for
    /// so long, where the reply told that.
    pub(super) fn answered(&self, now: Instant, round_trip: Duration, queued: Option<Duration>) {
        let this = &*self.0;
        let now = now - this.began;
        let mut backlog = this.backlog.lock();
        backlog.answered(now, round_trip, queued);
        if queued.is_some() {
            let until = millis(backlog.news_until());
            this.news_until.store(until, Ordering::Relaxed);
        }
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
