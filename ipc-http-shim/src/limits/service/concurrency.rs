//! How many requests to a service may be under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::gradient::Gradient;
use crate::config::ConcurrencyBounds;
use crate::limits::metrics::ConcurrencyGauges;

/// How many requests to a service may be under way, by how long it takes over them.
#[derive(Debug)]
pub(crate) struct Concurrency {
    bounds: ConcurrencyBounds,
    began: Instant,
    under_way: AtomicUsize,
    /// That of `gradient`, to be read without its lock.
    limit: AtomicUsize,
    gradient: Mutex<Gradient>,
    shown: ConcurrencyGauges,
}

/// A request that is under way until this is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay(Arc<Concurrency>);

impl Concurrency {
    pub(crate) fn new(bounds: ConcurrencyBounds, shown: ConcurrencyGauges) -> Self {
        let gradient = Gradient::new(bounds, Duration::ZERO);
        shown.limit.set(shown_as(gradient.limit()));
        Self {
            bounds,
            began: Instant::now(),
            under_way: AtomicUsize::new(0),
            limit: AtomicUsize::new(gradient.limit()),
            gradient: Mutex::new(gradient),
            shown,
        }
    }

    /// Whether it is within these bounds.
    pub(crate) fn is_within(&self, bounds: ConcurrencyBounds) -> bool {
        self.bounds == bounds
    }

    /// Lets a request go on its way.
    ///
    /// # Errors
    ///
    /// Where as many are as may be: how long one usually takes.
    pub(crate) fn enter(self: &Arc<Self>) -> Result<UnderWay, Option<Duration>> {
        let limit = self.limit.load(Ordering::Relaxed);
        let one_more = |under_way| (under_way < limit).then_some(under_way + 1);
        let entered = self
            .under_way
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, one_more);
        match entered {
            Ok(_) => {
                self.shown.under_way.inc();
                Ok(UnderWay(Arc::clone(self)))
            }
            Err(_) => Err(self.gradient.lock().usual()),
        }
    }
}

impl UnderWay {
    /// Takes in how long the service took over it until `now`: where it was answered, and
    /// where it was not in time.
    pub(crate) fn took(&self, now: Instant, round_trip: Duration) {
        let this = &*self.0;
        let under_way = this.under_way.load(Ordering::Relaxed);
        let now = now - this.began;
        let limit = {
            let mut gradient = this.gradient.lock();
            gradient.answered(now, round_trip, under_way);
            gradient.limit()
        };
        if this.limit.swap(limit, Ordering::Relaxed) != limit {
            this.shown.limit.set(shown_as(limit));
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::AcqRel);
        self.0.shown.under_way.dec();
    }
}

fn shown_as(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_more_than_the_limit_are_under_way_and_places_are_given_back() {
        let bounds = ConcurrencyBounds {
            initial: 2,
            min: 1,
            max: 2,
        };
        let shown = ConcurrencyGauges::default();
        let concurrency = Arc::new(Concurrency::new(bounds, shown.clone()));

        let first = concurrency.enter().expect("there is room");
        let _second = concurrency.enter().expect("there is room");
        assert_eq!(concurrency.enter().expect_err("there is none"), None);
        assert_eq!((shown.limit.get(), shown.under_way.get()), (2, 2));
        drop(first);
        assert!(concurrency.enter().is_ok());
    }
}
