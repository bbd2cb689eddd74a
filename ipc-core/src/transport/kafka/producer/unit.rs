//! What keeps its order: the records of one key, or of one partition that the
//! sender chose.
//!
//! A unit is with one producer at a time. While that has records of the unit which
//! are not settled, the unit does not move: what is sent meanwhile is held, and goes
//! to the other producer behind them, in the order it came. So all that any other
//! producer could overtake is in the log already.
//!
//! Pure: time is passed in, records are never looked at.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::load::Level;

/// How long records are held for a move. Far above what a broker takes to
/// acknowledge under load (p99 27 ms), far below what a caller notices as an
/// outage. After that they follow their predecessors to the old producer, which
/// keeps their order as well.
pub(super) const PATIENCE: Duration = Duration::from_millis(100);
/// How long a unit stays where it is after such a move was called off.
const STAY: Duration = Duration::from_secs(1);
/// How long a unit stays with the producer that has lost sight of a record: twice
/// the time until librdkafka gives a record up (`message.timeout.ms`).
const DOUBT: Duration = Duration::from_secs(60);

/// What is known of a record that is settled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// It is in the log.
    Logged,
    /// It is not, and never will be.
    Unsent,
    /// It may be, or may come to be: only its own producer's numbering keeps it
    /// from coming after later ones.
    Unknown,
}

/// The state of one unit. `R` is a record that is held.
pub(super) struct Unit<R> {
    level: Level,
    /// Records given to that level's producer and not settled.
    outstanding: usize,
    /// Younger than all of those.
    held: VecDeque<R>,
    phase: Phase,
    /// Not to move before.
    stays_until: Option<Instant>,
    /// Since when a record's fate is unknown.
    doubt: Option<Instant>,
}

#[derive(Clone, Copy)]
enum Phase {
    /// Records pass.
    Open,
    /// Records are held until nothing is outstanding.
    Moving { since: Instant },
    /// Somebody passes on what was held, and is asked to pass on what comes meanwhile.
    Releasing,
}

impl<R> Unit<R> {
    pub(super) fn new(level: Level) -> Self {
        Self {
            level,
            outstanding: 0,
            held: VecDeque::new(),
            phase: Phase::Open,
            stays_until: None,
            doubt: None,
        }
    }

    /// Lets a record pass to the level returned, where it is outstanding from now
    /// on; `None` asks to [`hold`](Self::hold) it.
    pub(super) fn admit(&mut self, wanted: Level, now: impl FnOnce() -> Instant) -> Option<Level> {
        if !matches!(self.phase, Phase::Open) {
            return None;
        }
        if self.level != wanted && self.doubt.is_none() {
            if self.outstanding == 0 {
                self.level = wanted;
            } else {
                let now = now();
                if self.stays_until.is_none_or(|until| now >= until) {
                    self.phase = Phase::Moving { since: now };
                    return None;
                }
            }
        }
        self.outstanding += 1;
        Some(self.level)
    }

    pub(super) fn hold(&mut self, record: R) {
        self.held.push_back(record);
    }

    /// An outstanding record is settled. True asks the caller to pass on what is
    /// held: to [`take`](Self::take) until there is nothing.
    #[must_use]
    pub(super) fn settle(
        &mut self,
        fate: Fate,
        wanted: Level,
        now: impl FnOnce() -> Instant,
    ) -> bool {
        self.outstanding -= 1;
        match fate {
            Fate::Logged => self.doubt = None,
            Fate::Unsent => {}
            Fate::Unknown => self.doubt = Some(now()),
        }
        let moving = matches!(self.phase, Phase::Moving { .. });
        if self.outstanding == 0 {
            self.stays_until = None;
            if moving && self.doubt.is_none() {
                self.level = wanted;
            }
        }
        let done = moving && (self.outstanding == 0 || self.doubt.is_some());
        if done {
            self.phase = Phase::Releasing;
        }
        done
    }

    /// What is held, now outstanding at the level returned; `None` when there is
    /// nothing and records pass again.
    pub(super) fn take(&mut self) -> Option<(Level, VecDeque<R>)> {
        if self.held.is_empty() {
            self.phase = Phase::Open;
            return None;
        }
        self.outstanding += self.held.len();
        Some((self.level, std::mem::take(&mut self.held)))
    }

    /// Ends what has lasted too long: a doubt, or a move, which is called off. True
    /// asks as [`settle`](Self::settle) does.
    #[must_use]
    pub(super) fn look(&mut self, now: Instant) -> bool {
        let lasted = |since: Instant, bound| now.saturating_duration_since(since) >= bound;
        if self.doubt.is_some_and(|since| lasted(since, DOUBT)) {
            self.doubt = None;
        }
        match self.phase {
            Phase::Moving { since } if lasted(since, PATIENCE) => {
                self.stays_until = Some(now + STAY);
                self.phase = Phase::Releasing;
                true
            }
            _ => false,
        }
    }

    /// Whether [`look`](Self::look) may find something.
    pub(super) fn is_watched(&self) -> bool {
        self.doubt.is_some() || matches!(self.phase, Phase::Moving { .. })
    }

    /// Whether nothing would be lost by forgetting it.
    pub(super) fn is_idle(&self) -> bool {
        self.outstanding == 0 && self.doubt.is_none() && matches!(self.phase, Phase::Open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn levels() -> Vec<Level> {
        std::iter::once(Level::DIRECT)
            .chain(Level::batching())
            .collect()
    }

    /// Producers that each keep their own order, and are as slow as they please.
    struct World {
        unit: Unit<usize>,
        queues: Vec<VecDeque<usize>>,
        log: Vec<usize>,
        /// How often each record was settled.
        settled: Vec<usize>,
        wanted: usize,
        now: Instant,
        /// Taken and not yet passed on, by whoever releases.
        releasing: Option<VecDeque<(usize, usize)>>,
    }

    #[derive(Clone, Debug)]
    enum Step {
        Send,
        Want(usize),
        Settle(usize, Fate),
        Release,
        Wait(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => Just(Step::Send),
            1 => (0..levels().len()).prop_map(Step::Want),
            4 => (0..levels().len(), prop_oneof![
                8 => Just(Fate::Logged),
                1 => Just(Fate::Unsent),
                1 => Just(Fate::Unknown),
            ]).prop_map(|(level, fate)| Step::Settle(level, fate)),
            3 => Just(Step::Release),
            1 => (0_u64..3000).prop_map(Step::Wait),
        ]
    }

    impl World {
        fn new() -> Self {
            Self {
                unit: Unit::new(Level::DIRECT),
                queues: vec![VecDeque::new(); levels().len()],
                log: Vec::new(),
                settled: Vec::new(),
                wanted: 0,
                now: Instant::now(),
                releasing: None,
            }
        }

        fn index(level: Level) -> usize {
            level.batching_index().map_or(0, |index| index + 1)
        }

        fn step(&mut self, step: Step) {
            let wanted = levels()[self.wanted];
            match step {
                Step::Send => {
                    let record = self.settled.len();
                    self.settled.push(0);
                    match self.unit.admit(wanted, || self.now) {
                        Some(level) => self.queues[Self::index(level)].push_back(record),
                        None => self.unit.hold(record),
                    }
                }
                Step::Want(level) => self.wanted = level,
                Step::Settle(level, fate) => {
                    if let Some(record) = self.queues[level].pop_front() {
                        self.settled[record] += 1;
                        if fate == Fate::Logged {
                            self.log.push(record);
                        }
                        if self.unit.settle(fate, wanted, || self.now) {
                            self.begin_release();
                        }
                    }
                }
                Step::Release => self.release_one(),
                Step::Wait(millis) => {
                    self.now += Duration::from_millis(millis);
                    if self.unit.look(self.now) {
                        self.begin_release();
                    }
                }
            }
            let busy = self.queues.iter().filter(|queue| !queue.is_empty()).count();
            assert!(busy <= 1, "two producers have records of one unit");
        }

        fn begin_release(&mut self) {
            assert!(self.releasing.is_none(), "two release at once");
            self.releasing = Some(VecDeque::new());
        }

        /// One step of the loop of whoever was asked to release.
        fn release_one(&mut self) {
            let Some(taken) = &mut self.releasing else {
                return;
            };
            if taken.is_empty() {
                match self.unit.take() {
                    Some((level, held)) => {
                        let at = Self::index(level);
                        taken.extend(held.into_iter().map(|record| (at, record)));
                    }
                    None => self.releasing = None,
                }
            } else if let Some((at, record)) = taken.pop_front() {
                self.queues[at].push_back(record);
            }
        }

        fn drain(&mut self) {
            for _ in 0..3 * self.settled.len() + 3 {
                while self.releasing.is_some() {
                    self.release_one();
                }
                for level in 0..self.queues.len() {
                    self.step(Step::Settle(level, Fate::Logged));
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn a_unit_keeps_its_order_and_settles_every_record_once(
            steps in prop::collection::vec(step(), 1..200),
        ) {
            let mut world = World::new();
            for step in steps {
                world.step(step);
            }
            world.drain();
            world.step(Step::Wait(DOUBT.as_millis() as u64));
            prop_assert!(world.log.is_sorted(), "the log has {:?}", world.log);
            prop_assert!(world.settled.iter().all(|times| *times == 1), "{:?}", world.settled);
            prop_assert!(world.unit.is_idle());
        }

        #[test]
        fn a_unit_never_leaves_a_producer_that_lost_sight_of_a_record(
            steps in prop::collection::vec(step(), 1..200),
        ) {
            let mut world = World::new();
            let mut lost_by = None;
            for step in steps {
                let settles = match step {
                    Step::Settle(level, fate) if !world.queues[level].is_empty() => Some((level, fate)),
                    _ => None,
                };
                world.step(match step {
                    // A doubt ends by time as well, which is not of interest here.
                    Step::Wait(millis) => Step::Wait(millis % 200),
                    step => step,
                });
                match settles {
                    Some((level, Fate::Unknown)) => lost_by = Some(level),
                    Some((_, Fate::Logged)) => lost_by = None,
                    _ => {}
                }
                if let Some(level) = lost_by {
                    let others = (0..world.queues.len()).filter(|other| *other != level);
                    for other in others {
                        prop_assert!(world.queues[other].is_empty());
                    }
                }
            }
        }
    }

    #[test]
    fn a_unit_with_nothing_outstanding_moves_without_holding() {
        let busy = levels()[1];
        let mut unit = Unit::<()>::new(Level::DIRECT);
        let now = Instant::now();
        assert_eq!(unit.admit(busy, || now), Some(busy));
        assert!(!unit.settle(Fate::Logged, busy, || now));
        assert_eq!(unit.admit(Level::DIRECT, || now), Some(Level::DIRECT));
    }

    #[test]
    fn a_move_that_takes_too_long_is_called_off_and_not_tried_again_at_once() {
        let busy = levels()[1];
        let mut unit = Unit::new(Level::DIRECT);
        let start = Instant::now();
        assert_eq!(unit.admit(Level::DIRECT, || start), Some(Level::DIRECT));
        assert_eq!(unit.admit(busy, || start), None);
        unit.hold(2);
        assert!(unit.is_watched());
        assert!(!unit.look(start + PATIENCE / 2));
        assert!(unit.look(start + PATIENCE));
        assert_eq!(unit.take(), Some((Level::DIRECT, VecDeque::from([2]))));
        assert_eq!(unit.take(), None);
        let later = start + PATIENCE + STAY / 2;
        assert_eq!(unit.admit(busy, || later), Some(Level::DIRECT));
        assert_eq!(unit.admit(busy, || later + STAY), None);
    }

    #[test]
    fn a_doubt_ends_with_a_later_record_in_the_log_or_with_time() {
        let busy = levels()[1];
        let start = Instant::now();
        let mut unit = Unit::<()>::new(Level::DIRECT);
        unit.admit(Level::DIRECT, || start);
        assert!(!unit.settle(Fate::Unknown, busy, || start));
        assert!(!unit.is_idle());
        assert_eq!(unit.admit(busy, || start), Some(Level::DIRECT));
        assert!(!unit.settle(Fate::Logged, busy, || start));
        assert!(unit.is_idle());

        unit.admit(Level::DIRECT, || start);
        assert!(!unit.settle(Fate::Unknown, busy, || start));
        assert!(!unit.look(start + DOUBT));
        assert!(unit.is_idle());
    }
}
