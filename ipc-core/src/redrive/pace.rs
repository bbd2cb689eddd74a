//! How fast letters are sent back.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// What may be caught up with, because timers are late by about that.
const SLACK: Duration = Duration::from_millis(10);

/// At most so many letters a second, evenly.
pub(super) struct Pace {
    period: Duration,
    next: Instant,
}

impl Pace {
    /// `None`: as fast as it goes.
    pub(super) fn new(rate: Option<NonZeroU32>) -> Self {
        let period = rate.map(|rate| Duration::from_secs(1) / rate.get());
        Self {
            period: period.unwrap_or_default(),
            next: Instant::now(),
        }
    }

    /// How long the next letter has to wait.
    pub(super) fn ahead(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    pub(super) async fn wait(&mut self) {
        sleep_until(self.next).await;
        let now = Instant::now();
        let earliest = now.checked_sub(SLACK).unwrap_or(now);
        self.next = self.next.max(earliest) + self.period;
    }
}
