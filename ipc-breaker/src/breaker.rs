//! Whether calls are made.

use std::fmt;
use std::time::Duration;

use super::counters::{Counters, Snapshot};
use super::draws::Draws;
use super::gate::Gate;
use super::judge::{Verdict, judge};
use super::permit::{Outcome, Permit};
use super::refused::{Reason, Refused};
use super::run::Run;
use super::settings::{InvalidSettings, Mode, Settings, nanos};
use super::sync::{AtomicU64, Mutex, Ordering};
use super::tally::{Kind, Tally};
use super::window::{Counts, lower_bound};
use super::word::{State, Word};

/// Decides whether calls are made, by what became of those before. Shared by reference.
///
/// Times are those of one monotonic clock, as what has passed since any point of it, and one
/// thread's may lie a little behind another's.
pub struct Breaker {
    /// The state and its epoch. It changes with the gate locked, and is read without.
    word: AtomicU64,
    /// While open: until when, in nanoseconds.
    until: AtomicU64,
    /// While shedding: the bucket in which the window was judged last.
    judged: AtomicU64,
    tally: Tally,
    gate: Mutex<Gate>,
    draws: Draws,
    counters: Counters,
    settings: Settings,
    /// From when on an answer is late, in nanoseconds.
    slow: u64,
    /// How long a bucket is, in nanoseconds.
    bucket: u64,
    /// What a time is multiplied with for its bucket, in parts of 2^64: a division takes
    /// as long as all the rest of a call that passes.
    buckets: u64,
}

/// What an outcome has changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Change {
    /// It has opened.
    #[non_exhaustive]
    Opened {
        /// Why.
        why: Why,
        /// For how long.
        wait: Duration,
    },
    /// It has closed: all calls pass again.
    Closed,
}

/// Why a breaker opened.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Why {
    /// Failures without an answer in between.
    Consecutive,
    /// The share of failures.
    Failures,
    /// Calls stayed without an answer for longer than it has patience.
    Silence,
    /// The share of late answers, for longer than it has patience.
    Slow,
    /// Nobody was there to answer.
    NoResponder,
    /// A probe was not answered, or with a failure.
    Probe,
    /// Too much failed while more and more calls passed.
    Ramp,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Consecutive => "call after call failed",
            Self::Failures => "too many calls failed",
            Self::Silence => "calls stayed without an answer",
            Self::Slow => "too many answers were late",
            Self::NoResponder => "nobody was there to answer",
            Self::Probe => "a probe failed",
            Self::Ramp => "too many calls failed when more of them passed",
        })
    }
}

impl Breaker {
    /// A closed breaker. `seed` decides what is left to chance, so give each breaker
    /// another one.
    ///
    /// # Errors
    ///
    /// Every setting that makes no sense.
    pub fn new(settings: Settings, seed: u64) -> Result<Self, InvalidSettings> {
        settings.check()?;
        let bucket = settings.bucket();
        Ok(Self {
            word: AtomicU64::new(Word::FIRST.pack()),
            until: AtomicU64::new(0),
            judged: AtomicU64::new(0),
            tally: Tally::new(),
            gate: Mutex::new(Gate::default()),
            draws: Draws::new(seed),
            counters: Counters::new(),
            slow: settings.slow.map_or(u64::MAX, nanos),
            bucket,
            buckets: u64::MAX / bucket + 1,
            settings,
        })
    }

    /// Whether a call may be made now. While the breaker is closed this is one load.
    ///
    /// # Errors
    ///
    /// Where it may not be. With [`Mode::Observe`] it always may.
    #[inline]
    pub fn acquire(&self, now: Duration) -> Result<Permit<'_>, Refused> {
        let word = self.word();
        if word.state == State::Closed {
            return Ok(Permit::new(self, word.epoch, None, nanos(now)));
        }
        self.consider(nanos(now))
    }

    #[cold]
    fn consider(&self, at: u64) -> Result<Permit<'_>, Refused> {
        let refused = match self.admit(at) {
            Ok(permit) => return Ok(permit),
            Err(refused) => refused,
        };
        self.counters.refused(refused.reason);
        match self.settings.mode {
            Mode::On => Err(refused),
            // No epoch is this one: what becomes of the call changes nothing, as if it had
            // not been made.
            Mode::Observe => Ok(Permit::new(self, u64::MAX, None, at)),
        }
    }

    /// Why a call would be refused, where that is known without asking for a permit: the
    /// breaker is open, and not by [`Mode::Observe`] alone. For work that is only worth
    /// doing for a call that is made. It counts nothing.
    #[must_use]
    pub fn refusal(&self, now: Duration) -> Option<Refused> {
        if self.settings.mode == Mode::Observe || self.word().state != State::Open {
            return None;
        }
        self.left_open(nanos(now)).err()
    }

    /// What it is and has done.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.counters.snapshot(self.word().state)
    }

    /// The calls of the window that ends now, which are what it is judged by: of those
    /// since the state changed last.
    #[must_use]
    pub fn weighed(&self, now: Duration) -> Counts {
        let tick = self.tick(nanos(now));
        self.tally.window(self.word().epoch, tick).sum()
    }

    /// What it goes by.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn admit(&self, at: u64) -> Result<Permit<'_>, Refused> {
        let word = self.word();
        match word.state {
            State::Closed => {}
            // The share slides with the window, failures or not.
            State::Shedding if self.tick(at) > self.judged.load(Ordering::Relaxed) => {
                self.judge_again(at);
            }
            State::Shedding => {}
            State::Open => self.left_open(at)?,
            State::HalfOpen | State::Ramping => return self.pass(at),
        }
        let word = self.word();
        match word.state {
            State::Closed => {}
            State::Shedding => {
                if self.draws.share() * 256.0 < f64::from(word.level) {
                    return Err(refused(Reason::Shed, self.bucket));
                }
            }
            State::Open | State::HalfOpen | State::Ramping => return self.pass(at),
        }
        Ok(Permit::new(self, word.epoch, None, at))
    }

    /// Whether a call passes of which only some do.
    fn pass(&self, at: u64) -> Result<Permit<'_>, Refused> {
        let mut gate = self.gate.lock();
        let mut word = self.word();
        if word.state == State::Open {
            self.left_open(at)?;
            gate.probing.begin();
            word = self.enter(&mut gate, State::HalfOpen);
        }
        let probe = match word.state {
            State::HalfOpen => {
                let probe = gate.probing.admit(at, &self.settings);
                let probe = probe.map_err(|left| refused(Reason::Probing, left))?;
                self.counters.probed();
                Some(probe)
            }
            State::Ramping => {
                if !gate.ramp.admits(at, self.draws.share(), &self.settings) {
                    let left = gate.ramp.left(at, &self.settings);
                    return Err(refused(Reason::Ramping, left));
                }
                None
            }
            State::Closed | State::Shedding | State::Open => None,
        };
        Ok(Permit::new(self, word.epoch, probe, at))
    }

    fn left_open(&self, at: u64) -> Result<(), Refused> {
        let until = self.until.load(Ordering::Relaxed);
        if at < until {
            return Err(refused(Reason::Open, until - at));
        }
        Ok(())
    }

    /// A call that began at one time has ended at another, in nanoseconds.
    #[inline]
    pub(super) fn settle(
        &self,
        epoch: u64,
        probe: Option<u32>,
        outcome: Outcome,
        began: u64,
        at: u64,
    ) -> Option<Change> {
        let word = self.word();
        if word.epoch != epoch {
            return None;
        }
        let kind = match outcome {
            Outcome::Success if at.saturating_sub(began) >= self.slow => Kind::Slow,
            Outcome::Success => Kind::Answered,
            Outcome::Failure => Kind::Failed,
            Outcome::Timeout | Outcome::NoResponder => Kind::Silent,
        };
        self.tally.count(epoch, self.tick(at), kind);
        if kind == Kind::Answered && matches!(word.state, State::Closed | State::Shedding) {
            return None;
        }
        self.weigh(epoch, probe, outcome, kind, at)
    }

    /// A probe was given up without an outcome.
    pub(super) fn give_back(&self, epoch: u64, probe: u32) {
        let mut gate = self.gate.lock();
        if self.word().epoch == epoch {
            gate.probing.end(probe);
        }
    }

    #[cold]
    fn weigh(
        &self,
        epoch: u64,
        probe: Option<u32>,
        outcome: Outcome,
        kind: Kind,
        at: u64,
    ) -> Option<Change> {
        let mut gate = self.gate.lock();
        let word = self.word();
        // While the gate is locked it stays what it is.
        if word.epoch != epoch {
            return None;
        }
        if outcome == Outcome::NoResponder {
            return Some(self.open(&mut gate, Why::NoResponder, at));
        }
        match word.state {
            State::Closed | State::Shedding => self.weigh_closed(&mut gate, word, kind, at),
            State::HalfOpen => {
                gate.probing.end(probe?);
                if outcome != Outcome::Success {
                    return Some(self.open(&mut gate, Why::Probe, at));
                }
                if gate.probing.answered(&self.settings) {
                    gate.ramp.begin(at);
                    self.enter(&mut gate, State::Ramping);
                }
                None
            }
            State::Ramping if outcome == Outcome::Success => {
                gate.ramp.answered(at, &self.settings).then(|| {
                    gate.reopened = 0;
                    self.enter(&mut gate, State::Closed);
                    Change::Closed
                })
            }
            State::Ramping => {
                let seen = self.tally.window(epoch, self.tick(at)).sum();
                let bound = lower_bound(seen.unanswered(), seen.all());
                (bound >= self.settings.failure_rate).then(|| self.open(&mut gate, Why::Ramp, at))
            }
            State::Open => None,
        }
    }

    fn weigh_closed(&self, gate: &mut Gate, word: Word, kind: Kind, at: u64) -> Option<Change> {
        let tick = self.tick(at);
        if kind != Kind::Slow {
            gate.run.add(kind, word.epoch, at, tick, &self.tally);
            if gate.run.is_failing(at, &self.settings) {
                return Some(self.open(gate, Why::Consecutive, at));
            }
            if gate.run.is_silent(at, &self.settings) {
                return Some(self.open(gate, Why::Silence, at));
            }
        }
        // However many calls fail, the window is added up once in a millisecond.
        let millisecond = Some(at / 1_000_000);
        if gate.judged == millisecond {
            return None;
        }
        gate.judged = millisecond;
        self.judge(gate, word, at)
    }

    /// While shedding: judges the window though nothing failed.
    fn judge_again(&self, at: u64) {
        let mut gate = self.gate.lock();
        let word = self.word();
        if word.state == State::Shedding {
            self.judge(&mut gate, word, at);
        }
    }

    fn judge(&self, gate: &mut Gate, word: Word, at: u64) -> Option<Change> {
        let tick = self.tick(at);
        self.judged.store(tick, Ordering::Relaxed);
        let (state, level) = match judge(&self.tally.window(word.epoch, tick), &self.settings) {
            Verdict::Open(why) => return Some(self.open(gate, why, at)),
            Verdict::Shed(level) => (State::Shedding, level),
            Verdict::Calm => (State::Closed, 0),
        };
        self.set(Word {
            state,
            level,
            ..word
        });
        None
    }

    fn open(&self, gate: &mut Gate, why: Why, at: u64) -> Change {
        let settings = &self.settings;
        let again = matches!(why, Why::Probe | Why::Ramp);
        if again {
            gate.reopened = gate.reopened.saturating_add(1);
        }
        let (least, jitter) = if why == Why::NoResponder {
            (settings.absent, 1.0)
        } else {
            let times = 2_u32.saturating_pow(gate.reopened);
            let least = settings.open.saturating_mul(times);
            (least.min(settings.longest_open), settings.jitter)
        };
        let wait = least.mul_f64(1.0 + jitter * self.draws.share());
        self.until
            .store(at.saturating_add(nanos(wait)), Ordering::Relaxed);
        self.counters.opened();
        self.enter(gate, State::Open);
        Change::Opened { why, wait }
    }

    /// Begins another epoch.
    fn enter(&self, gate: &mut Gate, state: State) -> Word {
        gate.run = Run::default();
        gate.judged = None;
        let word = Word {
            epoch: self.word().epoch + 1,
            level: 0,
            state,
        };
        self.set(word);
        word
    }

    fn word(&self) -> Word {
        Word::unpack(self.word.load(Ordering::Acquire))
    }

    /// Only with the gate locked.
    fn set(&self, word: Word) {
        self.word.store(word.pack(), Ordering::Release);
    }

    /// The bucket of a time.
    fn tick(&self, at: u64) -> u64 {
        let product = u128::from(at) * u128::from(self.buckets);
        // What is left of 128 bits without the lower 64.
        (product >> 64) as u64
    }
}

fn refused(reason: Reason, left: u64) -> Refused {
    Refused {
        reason,
        retry_after: Duration::from_nanos(left),
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker")
            .field("snapshot", &self.snapshot())
            .finish_non_exhaustive()
    }
}
