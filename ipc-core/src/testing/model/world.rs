//! What everyone in a trial shares: its clock, its dice and its history.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::history::{Event, History, Operation, What};

#[derive(Clone)]
pub(super) struct World(Arc<Inner>);

struct Inner {
    began: Instant,
    random: Mutex<fastrand::Rng>,
    history: Mutex<History>,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let history = History {
            seed,
            ..History::default()
        };
        Self(Arc::new(Inner {
            began: Instant::now(),
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
            history: Mutex::new(history),
        }))
    }

    pub(super) fn note(&self, what: What) {
        let at = self.0.began.elapsed();
        self.0.history.lock().events.push(Event { at, what });
    }

    /// Adds the operation that `of` makes of its number.
    pub(super) fn add(&self, of: impl FnOnce(u32) -> Operation) -> (u32, Operation) {
        let mut history = self.0.history.lock();
        let number = history.operations.len() as u32;
        let operation = of(number);
        history.operations.push(operation.clone());
        (number, operation)
    }

    /// The first operation that asks for a work.
    pub(super) fn operation_of(&self, work: u32) -> Option<Operation> {
        let history = self.0.history.lock();
        let mut operations = history.operations.iter();
        operations.find(|operation| operation.work == work).cloned()
    }

    /// The dedup store is in the log.
    pub(super) fn stores_in_log(&self) {
        self.0.history.lock().store_in_log = true;
    }

    /// Keyed work is done unclaimed while the dedup store does not answer.
    pub(super) fn fails_open(&self) {
        self.0.history.lock().fails_open = true;
    }

    /// Nothing goes wrong in this trial.
    pub(super) fn is_calm(&self) {
        self.0.history.lock().calm = true;
    }

    /// True once in `times`.
    pub(super) fn once_in(&self, times: u32) -> bool {
        self.below(times) == 0
    }

    /// Some number below `bound`.
    pub(super) fn below(&self, bound: u32) -> u32 {
        self.0.random.lock().u32(0..bound.max(1))
    }

    /// Some time up to `longest`.
    pub(super) fn some_of(&self, longest: Duration) -> Duration {
        let millis = longest.as_millis() as u64;
        Duration::from_millis(self.0.random.lock().u64(0..=millis))
    }

    pub(super) fn into_history(self, lag: u64) -> History {
        let mut history = std::mem::take(&mut *self.0.history.lock());
        history.lag = lag;
        history
    }
}
