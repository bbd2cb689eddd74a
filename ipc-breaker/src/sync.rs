//! What threads share. `tests/loom` has its own in place of these, and goes through every
//! schedule of the code that is made of them.

use std::sync::OnceLock;
use std::sync::atomic::AtomicUsize;
use std::thread::available_parallelism;

pub(super) use std::sync::atomic::{AtomicU64, Ordering};

pub(super) use parking_lot::Mutex;

/// How many parts a window has.
pub(super) const BUCKETS: usize = 10;

/// More shards than this gain nothing: a reader has to add them up.
const MOST_SHARDS: usize = 16;

/// How many threads can count at the same time without touching what another writes: a
/// power of two.
pub(super) fn shards() -> usize {
    static SHARDS: OnceLock<usize> = OnceLock::new();
    *SHARDS.get_or_init(|| {
        let threads = available_parallelism().map_or(1, usize::from);
        threads.next_power_of_two().min(MOST_SHARDS)
    })
}

/// This thread's number, in the order in which threads have counted anything.
pub(super) fn thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
}
