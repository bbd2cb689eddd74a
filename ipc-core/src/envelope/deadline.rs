//! Absolute deadlines: a record can wait in a log, where a duration would restart.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far past its deadline a request may be and still count as in time: room
/// for clocks that differ between hosts.
pub const SKEW: Duration = Duration::from_millis(500);

/// A point in time on the wire: Unix milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// The present, by this host's clock.
    #[must_use]
    pub fn now() -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Self(millis(since_epoch))
    }

    /// This point moved into the future, saturating.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// This point moved into the past, saturating.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// How far `self` lies after `earlier`; zero where it does not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Whole milliseconds of a duration, saturating.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// When a request stops being worth an answer, and how much time its sender
/// thought was left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deadline {
    /// The absolute point.
    pub at: UnixMillis,
    /// What was left when it was sent: bounds the damage of a wrong clock.
    pub budget: Option<Duration>,
}

impl Deadline {
    /// A deadline `left` from `now`.
    #[must_use]
    pub fn after(now: UnixMillis, left: Duration) -> Self {
        Self {
            at: now.plus(left),
            budget: Some(left),
        }
    }

    /// What is left: the smaller of clock time and budget; zero when past.
    #[must_use]
    pub fn remaining(&self, now: UnixMillis) -> Duration {
        let by_clock = self.at.since(now);
        self.budget.map_or(by_clock, |budget| by_clock.min(budget))
    }

    /// Whether the deadline is past by more than [`SKEW`].
    #[must_use]
    pub fn expired(&self, now: UnixMillis) -> bool {
        now > self.at.plus(SKEW)
    }
}
