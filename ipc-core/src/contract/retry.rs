//! How failed attempts are repeated.

use std::time::Duration;

/// How often, how soon and where a failed attempt is repeated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct RetrySpec {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// How long to wait between attempts. Default: 100 ms to 10 s.
    pub backoff: Backoff,
    /// Whether each wait is drawn anew, between nothing and what it would be, so
    /// that what failed together does not come back together. Default: false.
    pub jitter: bool,
    /// Where the record waits. Default: in its lane.
    pub policy: RetryPolicy,
}

/// Where a record waits for its next attempt, and what that does to order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum RetryPolicy {
    /// At the head of its lane: later records of its key wait behind it, and
    /// order is kept.
    #[default]
    Blocking,
    /// In a topic of its delay: later records of its key overtake it.
    Tiers,
    /// In its lane as under [`Blocking`](Self::Blocking), and in a topic beside that of its
    /// requests, where later records of its key follow it: their partition goes on, and
    /// order is kept.
    KeyParked,
}

/// Bounds of the wait between attempts, which doubles from one to the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backoff {
    /// The wait before the second attempt.
    pub first: Duration,
    /// The wait no later attempt exceeds.
    pub longest: Duration,
}

impl RetrySpec {
    /// This many attempts in all, with the default backoff.
    #[must_use]
    pub const fn attempts(attempts: u32) -> Self {
        Self {
            attempts,
            backoff: Backoff {
                first: Duration::from_millis(100),
                longest: Duration::from_secs(10),
            },
            jitter: false,
            policy: RetryPolicy::Blocking,
        }
    }

    /// Waits between these bounds.
    #[must_use]
    pub const fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.backoff = Backoff { first, longest };
        self
    }

    /// Draws each wait anew.
    #[must_use]
    pub const fn jitter(mut self) -> Self {
        self.jitter = true;
        self
    }

    /// Waits there.
    #[must_use]
    pub const fn policy(mut self, policy: RetryPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// How long to wait once attempt number `attempt`, counted from 1, has failed.
    /// `random`, from 0 to 1, is what a wait with jitter is drawn by.
    #[must_use]
    pub fn wait(&self, attempt: u32, random: f64) -> Duration {
        let wait = self.backoff.after(attempt);
        if !self.jitter {
            return wait;
        }
        let drawn = Duration::try_from_secs_f64(wait.as_secs_f64() * random);
        drawn.map_or(wait, |drawn| drawn.min(wait))
    }

    /// The delays there can be between attempts, each once, the shortest first. The
    /// longest is among them: an attempt that finds the retry budget spent waits so
    /// long.
    #[must_use]
    pub fn delays(&self) -> Vec<Duration> {
        let mut delays = Vec::new();
        for attempt in 1..self.attempts {
            let delay = self.backoff.after(attempt);
            if delays.last() == Some(&delay) {
                break;
            }
            delays.push(delay);
        }
        if delays
            .last()
            .is_some_and(|last| *last < self.backoff.longest)
        {
            delays.push(self.backoff.longest);
        }
        delays
    }

    /// How long the waits between all attempts are together, at most.
    #[must_use]
    pub fn waits(&self) -> Duration {
        let mut sum = Duration::ZERO;
        for attempt in 1..self.attempts {
            let wait = self.backoff.after(attempt);
            if wait == self.backoff.longest {
                let left = self.attempts - attempt;
                return sum.saturating_add(wait.saturating_mul(left));
            }
            sum = sum.saturating_add(wait);
        }
        sum
    }
}

impl Backoff {
    /// The wait once attempt number `attempt`, counted from 1, has failed.
    #[must_use]
    pub fn after(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1);
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }
}

impl RetryPolicy {
    /// Its name in `retry(policy = ..)`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blocking => "blocking",
            Self::Tiers => "tiers",
            Self::KeyParked => "key_parked",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn specs() -> impl Strategy<Value = RetrySpec> {
        let bounds = (1_u64..100_000, 0_u64..10_000_000);
        bounds.prop_map(|(first, more)| {
            let longest = Duration::from_millis(first + more);
            RetrySpec::attempts(5).backoff(Duration::from_millis(first), longest)
        })
    }

    proptest! {
        #[test]
        fn a_wait_stays_between_its_bounds(spec in specs(), attempt in 1_u32.., random in 0.0..=1.0) {
            let wait = spec.wait(attempt, random);
            prop_assert!(spec.backoff.first <= wait && wait <= spec.backoff.longest, "{wait:?}");
        }

        #[test]
        fn a_wait_is_never_shorter_than_the_one_before(spec in specs(), attempt in 1_u32..1_000_000) {
            prop_assert!(spec.wait(attempt, 0.0) <= spec.wait(attempt + 1, 0.0));
        }

        #[test]
        fn jitter_draws_from_the_whole_of_the_wait_and_never_beyond(
            spec in specs(), attempt in 1_u32.., random in 0.0..=1.0
        ) {
            let whole = spec.wait(attempt, 0.0);
            let drawn = spec.jitter();
            prop_assert!(drawn.wait(attempt, random) <= whole);
            prop_assert_eq!(drawn.wait(attempt, 0.0), Duration::ZERO);
            prop_assert_eq!(drawn.wait(attempt, 1.0), whole);
        }
    }

    #[test]
    fn delays_are_the_waits_without_repetition() {
        let millis = |spec: RetrySpec| -> Vec<u128> {
            let delays = spec.delays().into_iter();
            delays.map(|delay| delay.as_millis()).collect()
        };
        assert_eq!(millis(RetrySpec::attempts(1)), [0; 0]);
        assert_eq!(millis(RetrySpec::attempts(3)), [100, 200, 10_000]);
        let all = [100, 200, 400, 800, 1600, 3200, 6400, 10_000];
        assert_eq!(millis(RetrySpec::attempts(u32::MAX)), all);
    }

    #[test]
    fn all_waits_together_are_the_sum_of_each() {
        for attempts in 1..=12 {
            let spec = RetrySpec::attempts(attempts);
            let each: Duration = (1..attempts).map(|attempt| spec.wait(attempt, 0.0)).sum();
            assert_eq!(spec.waits(), each, "{attempts} attempts");
        }
        let most = RetrySpec::attempts(u32::MAX).backoff(Duration::MAX, Duration::MAX);
        assert_eq!(most.waits(), Duration::MAX);
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let spec = RetrySpec::attempts(9);
        let waits: Vec<u128> = (1..=9).map(|n| spec.wait(n, 0.5).as_millis()).collect();
        assert_eq!(
            waits,
            [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]
        );
    }
}
