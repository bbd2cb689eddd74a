//! What everyone in a trial shares: its clock, its dice and its history.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::cut::Cut;
use super::history::{Event, History, Operation, What};

#[derive(Clone)]
pub(super) struct World(Arc<Inner>);

struct Inner {
    began: Instant,
    random: Mutex<fastrand::Rng>,
    history: Mutex<History>,
    cut: Cut,
    /// How many operations and faults there could have been by now.
    operations: AtomicU32,
    faults: AtomicU32,
}

impl World {
    pub(super) fn new(seed: u64, cut: Cut) -> Self {
        let history = History {
            seed,
            ..History::default()
        };
        Self(Arc::new(Inner {
            began: Instant::now(),
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
            history: Mutex::new(history),
            cut,
            operations: AtomicU32::new(0),
            faults: AtomicU32::new(0),
        }))
    }

    pub(super) fn note(&self, what: What) {
        let at = self.0.began.elapsed();
        self.0.history.lock().events.push(Event { at, what });
    }

    /// Whether the next operation is not left out.
    pub(super) fn takes_operation(&self) -> bool {
        let number = self.0.operations.fetch_add(1, Ordering::Relaxed);
        self.0.cut.operations.has(number)
    }

    /// Whether the next fault, for which the dice have fallen, is not left out.
    pub(super) fn takes_fault(&self) -> bool {
        let number = self.0.faults.fetch_add(1, Ordering::Relaxed);
        let is_taken = self.0.cut.faults.has(number);
        self.0.history.lock().faults += u32::from(is_taken);
        is_taken
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

    /// Handlers write outputs, exactly once.
    pub(super) fn is_exactly_once(&self) {
        self.0.history.lock().exactly_once = true;
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
