//! A call that may be made.

use std::fmt;
use std::time::Duration;

use super::breaker::{Breaker, Change};
use super::settings::nanos;

/// What became of a call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// It was answered. Whether late, the breaker sees from the time.
    Success,
    /// It was answered, and the answer says that the service failed. What says that the
    /// call was wrong is a [`Success`](Outcome::Success).
    Failure,
    /// There was no answer in time: the service failed, or pauses.
    Timeout,
    /// It is known that nobody is there to answer.
    NoResponder,
}

/// A call that may be made. Dropped without an outcome it was cancelled, which says
/// nothing of the service.
#[must_use = "a permit that is dropped was cancelled"]
pub struct Permit<'b> {
    breaker: &'b Breaker,
    epoch: u64,
    /// Its number among the probes, where it is one.
    probe: Option<u32>,
    /// When, in nanoseconds.
    began: u64,
}

impl<'b> Permit<'b> {
    pub(super) fn new(breaker: &'b Breaker, epoch: u64, probe: Option<u32>, began: u64) -> Self {
        Self {
            breaker,
            epoch,
            probe,
            began,
        }
    }

    /// Whether it is a call by which the breaker sees whether it goes better.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.probe.is_some()
    }

    /// Lets the call's time begin only now: what came before was not the service's.
    pub fn begin(&mut self, now: Duration) {
        self.began = nanos(now);
    }

    /// Records what became of the call, which ended at `now`; what that changes. Where
    /// the breaker has changed since the permit was had, it changes nothing.
    #[inline]
    pub fn record(mut self, outcome: Outcome, now: Duration) -> Option<Change> {
        // Nothing is left to be given back.
        let probe = self.probe.take();
        let (began, at) = (self.began, nanos(now));
        self.breaker.settle(self.epoch, probe, outcome, began, at)
    }
}

impl Drop for Permit<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(probe) = self.probe {
            self.breaker.give_back(self.epoch, probe);
        }
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("epoch", &self.epoch)
            .field("probe", &self.probe)
            .finish_non_exhaustive()
    }
}
