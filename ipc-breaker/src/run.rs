//! Failures without an answer in between.

use super::settings::{Settings, nanos};
use super::sync::BUCKETS;
use super::tally::{Kind, Tally};

/// Failures without an answer in between. Answers are not told to it, since they are
/// many: at each failure it looks whether any was counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Run {
    failures: u32,
    /// Of these, those that were told.
    told: u32,
    /// When the first was, in nanoseconds.
    since: u64,
    /// When the first that was told was.
    told_since: u64,
    /// The bucket of the last, and how many answers it had by then.
    last: (u64, u64),
}

impl Run {
    /// Adds a failure of this kind, which has been counted.
    pub(super) fn add(&mut self, kind: Kind, epoch: u64, at: u64, tick: u64, tally: &Tally) {
        let (last, answers) = self.last;
        // A thread may be late.
        let tick = tick.max(last);
        let is_over = tick - last >= BUCKETS as u64 || {
            let since = (last..=tick).map(|tick| tally.bucket(epoch, tick).answers());
            since.sum::<u64>() > answers
        };
        if is_over {
            *self = Self::default();
        }
        if self.failures == 0 {
            self.since = at;
        }
        self.failures = self.failures.saturating_add(1);
        if kind == Kind::Failed {
            if self.told == 0 {
                self.told_since = at;
            }
            self.told = self.told.saturating_add(1);
        }
        self.last = (tick, tally.bucket(epoch, tick).answers());
    }

    /// Whether enough were told, for long enough.
    pub(super) fn is_failing(&self, at: u64, settings: &Settings) -> bool {
        let lasted = at.saturating_sub(self.told_since);
        self.told >= settings.consecutive && lasted >= nanos(settings.spread)
    }

    /// Whether enough there are, told or not, for long enough.
    pub(super) fn is_silent(&self, at: u64, settings: &Settings) -> bool {
        let lasted = at.saturating_sub(self.since);
        self.failures >= settings.consecutive && lasted >= nanos(settings.patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn settings() -> Settings {
        Settings {
            consecutive: 3,
            ..Settings::default()
        }
    }

    /// A run after these calls, one a second.
    fn after(kinds: &[Kind]) -> (Run, u64) {
        let tally = Tally::new();
        let mut run = Run::default();
        let mut at = 0;
        for (tick, kind) in (0..).zip(kinds) {
            at = tick * SECOND;
            tally.count(1, tick, *kind);
            if matches!(kind, Kind::Failed | Kind::Silent) {
                run.add(*kind, 1, at, tick, &tally);
            }
        }
        (run, at)
    }

    #[test]
    fn an_answer_ends_a_run_in_time_or_late() {
        for answer in [Kind::Answered, Kind::Slow] {
            let kinds = [Kind::Failed, Kind::Failed, answer, Kind::Failed];
            let (run, at) = after(&kinds);
            assert!(!run.is_failing(at, &settings()), "{run:?}");
        }
        let (run, at) = after(&[Kind::Answered, Kind::Failed, Kind::Failed, Kind::Failed]);
        assert!(run.is_failing(at, &settings()), "{run:?}");
    }

    #[test]
    fn an_answer_in_the_same_bucket_ends_a_run() {
        let tally = Tally::new();
        let mut run = Run::default();
        for _ in 0..5 {
            tally.count(1, 0, Kind::Failed);
            run.add(Kind::Failed, 1, 0, 0, &tally);
        }
        tally.count(1, 0, Kind::Answered);
        tally.count(1, 0, Kind::Failed);
        run.add(Kind::Failed, 1, 2 * SECOND, 0, &tally);

        assert!(!run.is_failing(2 * SECOND, &settings()), "{run:?}");
    }

    #[test]
    fn silence_takes_more_patience_than_failures() {
        let (run, at) = after(&[Kind::Silent; 6]);
        assert!(!run.is_silent(at, &settings()) && !run.is_failing(at, &settings()));

        let (run, at) = after(&[Kind::Silent; 7]);
        assert!(run.is_silent(at, &settings()) && !run.is_failing(at, &settings()));
    }

    #[test]
    fn failures_further_apart_than_the_window_are_no_run() {
        let tally = Tally::new();
        let mut run = Run::default();
        for tick in [0, 20, 40] {
            tally.count(1, tick, Kind::Failed);
            run.add(Kind::Failed, 1, tick * SECOND, tick, &tally);
        }

        assert!(!run.is_failing(40 * SECOND, &settings()), "{run:?}");
    }
}
