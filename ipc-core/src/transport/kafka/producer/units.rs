//! All units that have a record outstanding.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::load::Level;
use super::unit::{Fate, PATIENCE, Unit};
use crate::transport::Outgoing;

/// Senders on different units seldom wait for each other.
const SHARDS: usize = 16;
/// How often units are looked at while any of them waits for time to pass.
const LOOK: Duration = PATIENCE.checked_div(2).unwrap();

/// Which unit. Should two have the same hash, they are one unit: that costs a
/// little waiting and no order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct UnitId(u64);

/// The units of one transport. `R` is a record that is held.
pub(super) struct Units<R> {
    shards: [Mutex<HashMap<UnitId, Unit<R>>>; SHARDS],
    hasher: RandomState,
    /// How many units [`look`](Self::look) may find something at.
    watched: AtomicUsize,
    /// When to look next, in milliseconds since `began`.
    next_look: AtomicU64,
    began: Instant,
}

/// What is to be done with a record.
pub(super) enum Admission<P> {
    /// It may pass to this level.
    Pass(Level, P),
    /// It is held, and comes back with [`Units::take`].
    Held,
}

impl<R> Units<R> {
    pub(super) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            watched: AtomicUsize::new(0),
            next_look: AtomicU64::new(0),
            began: Instant::now(),
        }
    }

    /// The unit of a record: its topic and its partition or, while that is left to
    /// the key, its key. A record with neither has no order to keep.
    pub(super) fn of(&self, record: &Outgoing) -> Option<UnitId> {
        let topic = &*record.topic;
        let hash = match (record.partition, &record.envelope.key) {
            (Some(partition), _) => self.hasher.hash_one((topic, partition)),
            (None, Some(key)) => self.hasher.hash_one((topic, &**key)),
            (None, None) => return None,
        };
        Some(UnitId(hash))
    }

    /// Lets a record of `id` pass, or holds what `hold` makes of it.
    pub(super) fn admit<P>(
        &self,
        id: UnitId,
        wanted: Level,
        record: P,
        hold: impl FnOnce(P) -> R,
    ) -> Admission<P> {
        let mut shard = self.shard(id).lock();
        let unit = shard.entry(id).or_insert_with(|| Unit::new(wanted));
        self.watching(unit, |unit| match unit.admit(wanted, Instant::now) {
            Some(level) => Admission::Pass(level, record),
            None => {
                unit.hold(hold(record));
                Admission::Held
            }
        })
    }

    /// A record that passed is settled. True asks the caller to pass on what is held.
    #[must_use]
    pub(super) fn settle(&self, id: UnitId, fate: Fate, wanted: Level) -> bool {
        let mut shard = self.shard(id).lock();
        let Entry::Occupied(mut entry) = shard.entry(id) else {
            return false;
        };
        let release = self.watching(entry.get_mut(), |unit| {
            unit.settle(fate, wanted, Instant::now)
        });
        if entry.get().is_idle() {
            entry.remove();
        }
        release
    }

    /// What `id` holds and where it is to go, until there is nothing.
    pub(super) fn take(&self, id: UnitId) -> Option<(Level, impl Iterator<Item = R> + use<R>)> {
        let mut shard = self.shard(id).lock();
        let Entry::Occupied(mut entry) = shard.entry(id) else {
            return None;
        };
        let taken = entry.get_mut().take();
        if entry.get().is_idle() {
            entry.remove();
        }
        taken.map(|(level, held)| (level, held.into_iter()))
    }

    /// The units whose held records are to be passed on because it took too long.
    /// Called with every record, so it mostly does nothing.
    pub(super) fn look(&self) -> Vec<UnitId> {
        if self.watched.load(Ordering::Relaxed) == 0 {
            return Vec::new();
        }
        let now = Instant::now();
        if !self.is_time(now) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for shard in &self.shards {
            shard.lock().retain(|id, unit| {
                if unit.is_watched() && self.watching(unit, |unit| unit.look(now)) {
                    found.push(*id);
                }
                !unit.is_idle()
            });
        }
        found
    }

    /// Whether it is time for another look, and this caller's turn.
    fn is_time(&self, now: Instant) -> bool {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let now = millis(now - self.began);
        let due = self.next_look.load(Ordering::Relaxed);
        let next = now + millis(LOOK);
        now >= due
            && self
                .next_look
                .compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// Keeps the number of watched units while one of them changes.
    fn watching<T>(&self, unit: &mut Unit<R>, change: impl FnOnce(&mut Unit<R>) -> T) -> T {
        let before = unit.is_watched();
        let result = change(unit);
        match (before, unit.is_watched()) {
            (false, true) => self.watched.fetch_add(1, Ordering::Relaxed),
            (true, false) => self.watched.fetch_sub(1, Ordering::Relaxed),
            _ => 0,
        };
        result
    }

    fn shard(&self, id: UnitId) -> &Mutex<HashMap<UnitId, Unit<R>>> {
        &self.shards[id.0 as usize % SHARDS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::Envelope;
    use bytes::Bytes;
    use std::sync::mpsc;
    use std::thread;

    fn record(topic: &str, partition: Option<i32>, key: Option<&'static str>) -> Outgoing {
        Outgoing {
            topic: topic.into(),
            partition,
            envelope: Envelope {
                key: key.map(|key| Bytes::from_static(key.as_bytes())),
                ..Envelope::default()
            },
        }
    }

    #[test]
    fn a_unit_is_a_chosen_partition_or_else_a_key_of_a_topic() {
        let units = Units::<()>::new();
        let of = |topic, partition, key| units.of(&record(topic, partition, key));
        assert_eq!(of("t", None, None), None);
        assert!(of("t", None, Some("k")).is_some());
        assert_eq!(of("t", None, Some("k")), of("t", None, Some("k")));
        assert_ne!(of("t", None, Some("k")), of("t", None, Some("l")));
        assert_ne!(of("t", None, Some("k")), of("u", None, Some("k")));
        assert_eq!(of("t", Some(1), Some("k")), of("t", Some(1), None));
        assert_ne!(of("t", Some(1), None), of("t", Some(2), None));
    }

    #[test]
    fn what_is_settled_is_forgotten() {
        let units = Units::<()>::new();
        let id = UnitId(7);
        let admitted = units.admit(id, Level::DIRECT, (), |()| ());
        assert!(matches!(admitted, Admission::Pass(Level::DIRECT, ())));
        assert!(!units.settle(id, Fate::Logged, Level::DIRECT));
        assert!(units.shard(id).lock().is_empty());
    }

    /// Senders and producers on threads of their own, while the level changes all
    /// the time.
    #[test]
    fn units_keep_their_order_among_threads() {
        const SENDERS: usize = 3;
        const EACH: usize = 20_000;
        const LEVELS: usize = Level::BATCHING + 1;
        /// Far beyond what a record takes; it only turns a hang into a failure.
        const SILENCE: Duration = Duration::from_secs(10);
        type Queue = mpsc::Sender<(UnitId, usize)>;

        let units = Units::<(UnitId, usize)>::new();
        let wanted = AtomicUsize::new(0);
        let level = || {
            let at = wanted.load(Ordering::Relaxed);
            Level::batching().nth(at).unwrap_or_default()
        };
        let release = |id, queues: &[Queue]| {
            while let Some((level, held)) = units.take(id) {
                for record in held {
                    queues[level.batching_index().map_or(0, |at| at + 1)]
                        .send(record)
                        .unwrap();
                }
            }
        };
        let (log, logged) = mpsc::channel();
        let (queues, taken): (Vec<Queue>, Vec<_>) =
            std::iter::repeat_with(mpsc::channel).take(LEVELS).unzip();
        let log = thread::scope(|scope| {
            for records in taken {
                let (log, queues) = (log.clone(), queues.clone());
                let (units, level, release) = (&units, &level, &release);
                scope.spawn(move || {
                    // Ends when every record of the test has been logged.
                    while let Ok((id, number)) = records.recv() {
                        if number == usize::MAX {
                            break;
                        }
                        log.send((id, number)).unwrap();
                        if units.settle(id, Fate::Logged, level()) {
                            release(id, &queues);
                        }
                    }
                });
            }
            for sender in 0..SENDERS {
                let queues = queues.clone();
                let (units, level, wanted) = (&units, &level, &wanted);
                scope.spawn(move || {
                    let id = UnitId(sender as u64);
                    for number in 0..EACH {
                        if number % 7 == 0 {
                            wanted.store((number / 7 + sender) % LEVELS, Ordering::Relaxed);
                        }
                        let admitted = units.admit(id, level(), (id, number), |held| held);
                        if let Admission::Pass(level, record) = admitted {
                            queues[level.batching_index().map_or(0, |at| at + 1)]
                                .send(record)
                                .unwrap();
                        }
                    }
                });
            }
            let next = || logged.recv_timeout(SILENCE).ok();
            let all: Vec<_> = std::iter::from_fn(next).take(SENDERS * EACH).collect();
            for queue in &queues {
                // A thread that has panicked takes nothing any more.
                let _ = queue.send((UnitId(0), usize::MAX));
            }
            all
        });
        let mut next = HashMap::new();
        for (id, number) in log {
            let expected = next.entry(id).or_insert(0);
            assert_eq!(number, *expected, "of {id:?}");
            *expected += 1;
        }
        assert_eq!(next.values().sum::<usize>(), SENDERS * EACH);
        assert_eq!(units.watched.load(Ordering::Relaxed), 0);
    }
}
