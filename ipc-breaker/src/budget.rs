//! How much may be tried again.

use std::time::Duration;

use super::settings::nanos;
use super::sync::{BUCKETS, Mutex};
use super::tally::{Kind, Tally};

/// How much may be tried again: a share of what succeeded lately, and a small reserve.
/// So a service that fails gets little more than its callers ask of it.
///
/// ```
/// use std::time::Duration;
/// use ipc_breaker::Budget;
///
/// let budget = Budget::new(0.2, 1, Duration::from_secs(10));
/// let now = Duration::ZERO;
/// assert!(budget.withdraw(now));
/// assert!(!budget.withdraw(now));
/// for _ in 0..5 {
///     budget.deposit(now);
/// }
/// assert!(budget.withdraw(now));
/// ```
#[derive(Debug)]
pub struct Budget {
    tally: Tally,
    /// One withdrawal after the other.
    withdrawing: Mutex<()>,
    share: f64,
    reserve: u32,
    /// How long a bucket is, in nanoseconds.
    bucket: u64,
}

/// Budgets have no states, and so one epoch.
const EPOCH: u64 = 1;

impl Budget {
    /// Within any `window` so many retries as `share` of the successes, and `reserve`
    /// more. Times are as those of a [`Breaker`](crate::Breaker).
    #[must_use]
    pub fn new(share: f64, reserve: u32, window: Duration) -> Self {
        Self {
            tally: Tally::new(),
            withdrawing: Mutex::new(()),
            share,
            reserve,
            bucket: (nanos(window) / BUCKETS as u64).max(1),
        }
    }

    /// Something succeeded.
    pub fn deposit(&self, now: Duration) {
        self.tally.count(EPOCH, self.tick(now), Kind::Answered);
    }

    /// Whether something may be tried again, which it is then.
    #[must_use]
    pub fn withdraw(&self, now: Duration) -> bool {
        let tick = self.tick(now);
        let _one_at_a_time = self.withdrawing.lock();
        let seen = self.tally.window(EPOCH, tick).sum();
        let most = self.share * seen.answered as f64 + f64::from(self.reserve);
        let is_left = (seen.failed as f64) + 1.0 <= most;
        if is_left {
            self.tally.count(EPOCH, tick, Kind::Failed);
        }
        is_left
    }

    fn tick(&self, now: Duration) -> u64 {
        nanos(now) / self.bucket
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);

    #[test]
    fn a_fifth_of_the_successes_and_the_reserve_may_be_tried_again() {
        let now = Duration::ZERO;
        let budget = Budget::new(0.2, 3, WINDOW);
        for _ in 0..100 {
            budget.deposit(now);
        }

        let granted = (0..1000).filter(|_| budget.withdraw(now)).count();

        assert_eq!(granted, 23);
    }

    #[test]
    fn what_was_spent_comes_back_with_time_and_successes_do_not_last() {
        let now = Duration::ZERO;
        let budget = Budget::new(0.2, 3, WINDOW);
        for _ in 0..1000 {
            budget.deposit(now);
        }

        let later = now + WINDOW + Duration::from_secs(1);
        let granted = (0..1000).filter(|_| budget.withdraw(later)).count();
        assert_eq!(granted, 3);

        let later = later + WINDOW + Duration::from_secs(1);
        assert!(budget.withdraw(later));
    }
}
