//! What became of calls: counted by every thread for itself, in buckets of time.

use super::sync::{AtomicU64, BUCKETS, Ordering, shards, thread};
use super::window::{Counts, Window};

/// What became of a call, as it is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// It was answered in time.
    Answered,
    /// It was answered, late.
    Slow,
    /// It was answered with a failure.
    Failed,
    /// It was not answered.
    Silent,
}

const KINDS: usize = 4;

/// The counts of all threads.
#[derive(Debug)]
pub(super) struct Tally {
    /// A power of two of them.
    shards: Box<[Shard]>,
}

/// The counts of some threads, on cache lines of their own: two, since processors fetch
/// them in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Shard([[AtomicU64; KINDS]; BUCKETS]);

impl Tally {
    pub(super) fn new() -> Self {
        let bucket = || std::array::from_fn(|_| AtomicU64::new(0));
        let shard = || Shard(std::array::from_fn(|_| bucket()));
        Self {
            shards: (0..shards()).map(|_| shard()).collect(),
        }
    }

    /// Counts a call of an epoch. What is of a newer epoch stays as it is.
    pub(super) fn count(&self, epoch: u64, tick: u64, kind: Kind) {
        let shard = &self.shards[thread() & (self.shards.len() - 1)];
        let cell = &shard.0[slot(tick)][kind as usize];
        let mut seen = cell.load(Ordering::Relaxed);
        while let Some(next) = Cell(seen).counted(epoch, tick) {
            match cell.compare_exchange_weak(seen, next.0, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(other) => seen = other,
            }
        }
    }

    /// What was counted in one bucket of an epoch.
    pub(super) fn bucket(&self, epoch: u64, tick: u64) -> Counts {
        let sum = |kind: Kind| -> u64 {
            let cells = self
                .shards
                .iter()
                .map(|it| &it.0[slot(tick)][kind as usize]);
            cells
                .map(|cell| Cell(cell.load(Ordering::Relaxed)).count(epoch, tick))
                .sum()
        };
        Counts {
            answered: sum(Kind::Answered),
            slow: sum(Kind::Slow),
            failed: sum(Kind::Failed),
            silent: sum(Kind::Silent),
        }
    }

    /// What was counted of an epoch in the window that ends with this bucket.
    pub(super) fn window(&self, epoch: u64, tick: u64) -> Window {
        Window(std::array::from_fn(|age| {
            tick.checked_sub(age as u64)
                .map_or_else(Counts::default, |tick| self.bucket(epoch, tick))
        }))
    }
}

fn slot(tick: u64) -> usize {
    (tick % BUCKETS as u64) as usize
}

/// A count, and which bucket of which epoch it is of: so that a call which ends late
/// cannot be counted where it does not belong, whatever happens meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Cell(u64);

const COUNT_BITS: u32 = 24;
const TICK_BITS: u32 = 24;
const EPOCH_BITS: u32 = 16;
const COUNT: u64 = (1 << COUNT_BITS) - 1;
const TICK: u64 = (1 << TICK_BITS) - 1;
const EPOCH: u64 = (1 << EPOCH_BITS) - 1;

/// By how much another epoch or bucket may be ahead and be taken for newer. Beyond it is
/// one from before the bits began anew.
const AHEAD: u64 = 1 << 12;

impl Cell {
    fn new(epoch: u64, tick: u64, count: u64) -> Self {
        Self((epoch & EPOCH) << (COUNT_BITS + TICK_BITS) | (tick & TICK) << COUNT_BITS | count)
    }

    fn epoch(self) -> u64 {
        self.0 >> (COUNT_BITS + TICK_BITS)
    }

    fn tick(self) -> u64 {
        self.0 >> COUNT_BITS & TICK
    }

    fn is_of(self, epoch: u64, tick: u64) -> bool {
        self.0 & !COUNT == Self::new(epoch, tick, 0).0
    }

    /// The count of this bucket of this epoch, which may be another by now.
    fn count(self, epoch: u64, tick: u64) -> u64 {
        if self.is_of(epoch, tick) {
            self.0 & COUNT
        } else {
            0
        }
    }

    /// With one call more; `None` where it is of something newer, or full.
    fn counted(self, epoch: u64, tick: u64) -> Option<Self> {
        if self.is_of(epoch, tick) {
            return (self.0 & COUNT < COUNT).then_some(Self(self.0 + 1));
        }
        if self.0 & COUNT == 0 {
            return Some(Self::new(epoch, tick, 1));
        }
        let ahead = if self.epoch() == epoch & EPOCH {
            self.tick().wrapping_sub(tick) & TICK
        } else {
            self.epoch().wrapping_sub(epoch) & EPOCH
        };
        (ahead > AHEAD).then(|| Self::new(epoch, tick, 1))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bucket_that_comes_round_begins_anew() {
        let tally = Tally::new();

        tally.count(1, 3, Kind::Failed);
        tally.count(1, 3 + BUCKETS as u64, Kind::Failed);

        assert_eq!(tally.bucket(1, 3), Counts::default());
        assert_eq!(tally.bucket(1, 3 + BUCKETS as u64).failed, 1);
    }

    #[test]
    fn what_is_of_an_older_epoch_or_window_leaves_what_is_newer_alone() {
        let tally = Tally::new();
        tally.count(2, 13, Kind::Answered);

        tally.count(1, 13, Kind::Answered);
        tally.count(2, 3, Kind::Answered);

        assert_eq!(tally.bucket(2, 13).answered, 1);
        assert_eq!(tally.window(2, 13).sum().answered, 1);
    }

    #[test]
    fn a_full_bucket_stays_full() {
        let full = Cell::new(1, 1, COUNT);

        assert_eq!(full.counted(1, 1), None);
    }

    proptest! {
        #[test]
        fn a_window_adds_up_what_was_counted_in_it(
            ticks in proptest::collection::vec(0..30_u64, 0..50),
        ) {
            let mut ticks = ticks;
            ticks.sort_unstable();
            let tally = Tally::new();
            for tick in &ticks {
                tally.count(7, *tick, Kind::Slow);
            }
            let last = ticks.last().copied().unwrap_or_default();
            let within = ticks.iter().filter(|it| **it + BUCKETS as u64 > last).count();

            prop_assert_eq!(tally.window(7, last).sum().slow, within as u64);
        }

        #[test]
        fn the_bits_of_a_cell_do_not_spill(epoch: u64, tick: u64) {
            let one = Cell::new(epoch, tick, 1);

            prop_assert_eq!(one.count(epoch, tick), 1);
            prop_assert_eq!(one.counted(epoch, tick), Some(Cell::new(epoch, tick, 2)));
            prop_assert_eq!(one.counted(epoch.wrapping_add(1), tick).map(|it| it.0 & COUNT), Some(1));
            prop_assert_eq!(one.counted(epoch.wrapping_sub(1), tick), None);
        }
    }
}
