//! What a breaker counts of itself.

use super::refused::Reason;
use super::sync::{AtomicU64, Ordering};
use super::word::State;

/// What a breaker counts of itself. None of it is touched by a call that passes while the
/// breaker is closed.
#[derive(Debug)]
pub(super) struct Counters {
    opened: AtomicU64,
    probes: AtomicU64,
    refused: [AtomicU64; 4],
}

/// What a breaker is and has done. In [`Mode::Observe`](crate::Mode::Observe): what it
/// would be, and would have done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// What it does with calls. One that is open stays so until a call comes after its
    /// time.
    pub state: State,
    /// How often it has opened.
    pub opened: u64,
    /// How many calls passed as probes.
    pub probes: u64,
    refused: [u64; 4],
}

impl Snapshot {
    /// How many calls were refused for this reason.
    #[must_use]
    pub fn refused(&self, reason: Reason) -> u64 {
        self.refused[place(reason)]
    }
}

impl Counters {
    pub(super) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            opened: zero(),
            probes: zero(),
            refused: std::array::from_fn(|_| zero()),
        }
    }

    pub(super) fn opened(&self) {
        self.opened.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn probed(&self) {
        self.probes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused(&self, reason: Reason) {
        self.refused[place(reason)].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self, state: State) -> Snapshot {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Snapshot {
            state,
            opened: get(&self.opened),
            probes: get(&self.probes),
            refused: std::array::from_fn(|at| get(&self.refused[at])),
        }
    }
}

fn place(reason: Reason) -> usize {
    match reason {
        Reason::Open => 0,
        Reason::Shed => 1,
        Reason::Probing => 2,
        Reason::Ramping => 3,
    }
}
