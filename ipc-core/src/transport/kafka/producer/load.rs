//! How busy a transport is, and which producer suits that.
//!
//! The measure is how many records are sent and not settled: it is what a batch
//! could hold, whatever the speed of machine and broker: half of the calls in flight,
//! on either side. Its average is taken over records; pauses count as well, so that a
//! busy time is soon forgotten in a quiet one. Nothing here reads a clock.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// One of the producers of a transport: the higher, the longer its records wait
/// for company.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Level(usize);

/// What a level is, and when it is left.
struct Step {
    /// `linger.ms` of its producer.
    linger: &'static str,
    /// Below this average the level under it suits better.
    down: u32,
    /// From this average on the level above it suits better.
    up: u32,
}

/// Where they come from: `docs/adr/0008-adaptive-batching.md`. The bounds of two
/// neighbours lie apart, because a change costs a unit that is never idle a round
/// trip, and because at a constant rate the measure rises with the wait.
const STEPS: [Step; Level::COUNT] = [
    Step {
        linger: "0",
        down: 0,
        up: 10,
    },
    Step {
        linger: "0.1",
        down: 6,
        up: 20,
    },
    Step {
        linger: "0.25",
        down: 13,
        up: 60,
    },
    Step {
        linger: "0.5",
        down: 40,
        up: u32::MAX,
    },
];

impl Level {
    const COUNT: usize = 4;
    /// How many of them gather.
    pub(super) const BATCHING: usize = Self::COUNT - 1;

    /// Sends each record at once.
    pub(super) const DIRECT: Self = Self(0);

    /// Those that gather, upwards.
    pub(super) fn batching() -> impl Iterator<Item = Self> {
        (1..Self::COUNT).map(Self)
    }

    /// How long a record waits for company, in milliseconds as librdkafka reads them.
    pub(super) fn linger(self) -> &'static str {
        STEPS[self.0].linger
    }

    /// Its place among the batching ones; `None` for [`DIRECT`](Self::DIRECT).
    pub(super) fn batching_index(self) -> Option<usize> {
        self.0.checked_sub(1)
    }

    fn below(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

/// The level and the average that led to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Gauge {
    level: Level,
    /// In parts of [`ONE`].
    average: u32,
}

const AVERAGE_BITS: u32 = 28;
/// How many records the average looks back.
const WEIGHT: u32 = 256;
const ONE: u32 = 256;
/// A pause weighs as one record without company for each of these.
const PAUSE: Duration = Duration::from_micros(100);
/// More than this many unsettled records are all the same.
const MOST: u32 = (1 << AVERAGE_BITS) / ONE - 1;

impl Gauge {
    /// After one more record, which is one of `unsettled`.
    fn next(self, unsettled: usize) -> Self {
        let seen = u32::try_from(unsettled).map_or(MOST, |seen| seen.min(MOST)) * ONE;
        let average = if seen >= self.average {
            self.average + (seen - self.average).div_ceil(WEIGHT)
        } else {
            self.average - (self.average - seen).div_ceil(WEIGHT)
        };
        let step = &STEPS[self.level.0];
        let level = if average / ONE >= step.up {
            Level(self.level.0 + 1)
        } else if average < step.down * ONE {
            self.level.below()
        } else {
            self.level
        };
        Self { level, average }
    }

    /// After nothing was on its way for `pause`.
    fn rested(self, pause: Duration) -> Self {
        let weight = u32::try_from(pause.as_micros() / PAUSE.as_micros()).unwrap_or(WEIGHT);
        let average = self.average - self.average / WEIGHT * weight.min(WEIGHT);
        let mut level = self.level;
        while average < STEPS[level.0].down * ONE {
            level = level.below();
        }
        Self { level, average }
    }

    fn pack(self) -> u32 {
        // There are few levels, so the cast loses nothing.
        (self.level.0 as u32) << AVERAGE_BITS | self.average
    }

    fn unpack(packed: u32) -> Self {
        Self {
            level: Level((packed >> AVERAGE_BITS) as usize),
            average: packed & ((1 << AVERAGE_BITS) - 1),
        }
    }
}

/// The load of one transport, noted by whoever sends.
pub(super) struct Load {
    /// One word, so that level and average belong together. Two senders at once
    /// may lose one's record, which an average does not mind.
    gauge: AtomicU32,
    /// The highest level that has a producer.
    ready: AtomicUsize,
    /// The highest level whose producer has not failed for good.
    sound: AtomicUsize,
    rises: Notify,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            gauge: AtomicU32::new(Gauge::default().pack()),
            ready: AtomicUsize::new(Level::DIRECT.0),
            sound: AtomicUsize::new(Level::COUNT - 1),
            rises: Notify::new(),
        }
    }
}

impl Load {
    /// Notes a record, which is one of `unsettled`, and says where it should go.
    pub(super) fn note(&self, unsettled: usize) -> Level {
        let before = Gauge::unpack(self.gauge.load(Ordering::Relaxed));
        let after = before.next(unsettled);
        if after != before {
            self.gauge.store(after.pack(), Ordering::Relaxed);
        }
        if after.level != before.level {
            tracing::debug!(
                target: "ipc::kafka",
                linger_ms = after.level.linger(),
                unsettled = after.average / ONE,
                "the load asks for another producer"
            );
            if after.level > before.level {
                self.rises.notify_one();
            }
        }
        after.level.min(self.highest())
    }

    /// Notes that nothing was on its way for `pause`.
    pub(super) fn note_pause(&self, pause: Duration) {
        let before = Gauge::unpack(self.gauge.load(Ordering::Relaxed));
        let after = before.rested(pause);
        if after != before {
            self.gauge.store(after.pack(), Ordering::Relaxed);
        }
    }

    /// Where records should go now.
    pub(super) fn level(&self) -> Level {
        self.asked().min(self.highest())
    }

    /// Returns once the load has asked for `level` or one above it.
    pub(super) async fn asks_for(&self, level: Level) {
        while self.asked() < level {
            self.rises.notified().await;
        }
    }

    /// From now on `level` has a producer.
    pub(super) fn ready(&self, level: Level) {
        self.ready.fetch_max(level.0, Ordering::Release);
    }

    /// The producer of `level` will send nothing any more. Without the direct one
    /// there is no other to go to.
    pub(super) fn retire(&self, level: Level) {
        self.sound.fetch_min(level.below().0, Ordering::Release);
    }

    /// The highest level that can be used.
    pub(super) fn highest(&self) -> Level {
        let ready = self.ready.load(Ordering::Acquire);
        Level(ready.min(self.sound.load(Ordering::Acquire)))
    }

    fn asked(&self) -> Level {
        Gauge::unpack(self.gauge.load(Ordering::Relaxed)).level
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn after(mut gauge: Gauge, unsettled: usize, records: usize) -> Gauge {
        for _ in 0..records {
            gauge = gauge.next(unsettled);
        }
        gauge
    }

    #[test]
    fn each_level_is_reached_and_left_again() {
        let mut gauge = Gauge::default();
        for (unsettled, level) in [
            (1, 0),
            (10, 1),
            (6, 1),
            (20, 2),
            (60, 3),
            (40, 3),
            (39, 2),
            (13, 2),
            (12, 1),
            (5, 0),
        ] {
            gauge = after(gauge, unsettled, 5000);
            assert_eq!(gauge.level, Level(level), "at {unsettled}");
        }
    }

    #[test]
    fn a_single_burst_that_is_over_at_once_changes_nothing() {
        let quiet = after(Gauge::default(), 1, 100);
        let burst = (2..40).fold(quiet, Gauge::next);
        assert_eq!(burst.level, Level::DIRECT);
    }

    #[tokio::test]
    async fn a_level_is_used_once_it_has_a_producer_and_until_that_fails() {
        let load = Load::default();
        for _ in 0..1000 {
            assert_eq!(load.note(500), Level::DIRECT);
        }
        load.asks_for(Level(2)).await;
        load.ready(Level(1));
        load.ready(Level(2));
        assert_eq!(load.note(500), Level(2));
        load.retire(Level(2));
        assert_eq!(load.note(500), Level(1));
        load.retire(Level(1));
        assert_eq!(load.note(500), Level::DIRECT);
    }

    #[test]
    fn after_a_pause_the_first_record_goes_at_once() {
        let load = Load::default();
        load.ready(Level(2));
        for _ in 0..1000 {
            load.note(500);
        }
        assert_eq!(load.level(), Level(2));
        load.note_pause(Duration::from_millis(30));
        assert_eq!(load.note(1), Level::DIRECT);
    }

    #[test]
    fn short_pauses_hasten_the_way_down() {
        let busy = after(Gauge::default(), 200, 5000);
        let mut steady = busy;
        let mut pausing = busy;
        for _ in 0..100 {
            steady = steady.next(1);
            pausing = pausing.rested(Duration::from_millis(1)).next(1);
        }
        assert_eq!(steady.level, Level(3));
        assert_eq!(pausing.level, Level::DIRECT);
    }

    proptest! {
        #[test]
        fn a_load_that_stays_settles_on_one_level(
            before in prop::collection::vec(0_usize..200_000, 0..100),
            unsettled in 0_usize..200_000,
        ) {
            let shaken = before.into_iter().fold(Gauge::default(), Gauge::next);
            let settled = after(shaken, unsettled, 20_000);
            prop_assert_eq!(settled, settled.next(unsettled));
        }

        #[test]
        fn levels_change_one_at_a_time_and_pack_without_loss(
            loads in prop::collection::vec(0_usize..300, 1..500),
        ) {
            let mut gauge = Gauge::default();
            for load in loads {
                let next = gauge.next(load);
                prop_assert!(next.level.0.abs_diff(gauge.level.0) <= 1);
                prop_assert_eq!(Gauge::unpack(next.pack()), next);
                gauge = next;
            }
        }

        #[test]
        fn going_up_and_down_again_takes_a_real_change_of_load(
            level in 0_usize..Level::COUNT - 1,
            unsettled in 0_usize..1000,
        ) {
            let rises = after(Gauge::default(), unsettled, 5000).level > Level(level);
            if rises {
                let less = after(Gauge::default(), unsettled, 5000);
                let less = after(less, (unsettled * 2).div_ceil(3), 5000);
                prop_assert!(less.level > Level(level));
            }
        }
    }
}
