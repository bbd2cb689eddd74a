//! Loom's, in place of what `ipc-breaker/src/sync.rs` has.

pub(super) use loom::sync::atomic::{AtomicU64, Ordering};

/// As few as can be: every one of them makes more schedules.
pub(super) const BUCKETS: usize = 2;

pub(super) fn shards() -> usize {
    1
}

pub(super) fn thread() -> usize {
    0
}

/// As the breaker has it: without poisoning.
#[derive(Debug)]
pub(super) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(super) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(super) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
        match self.0.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        }
    }
}
