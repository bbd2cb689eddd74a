//! Waiting for another owner or for the store.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::dispatch::{Delivery, margin};

const FIRST: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_millis(250);

/// Growing pauses up to the moment at which a delivery must be answered.
pub(super) struct Wait {
    pauses: Pauses,
    until: Instant,
}

/// Pauses, each longer than the one before.
pub(super) struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Pauses {
    pub(super) async fn next(&mut self) {
        sleep(self.length()).await;
    }

    fn length(&mut self) -> Duration {
        let length = self.0;
        self.0 = (length * 2).min(LONGEST);
        length
    }
}

impl Wait {
    pub(super) fn of(delivery: &Delivery) -> Self {
        let time = delivery.finish_by.saturating_duration_since(delivery.began);
        Self {
            pauses: Pauses::default(),
            until: delivery.finish_by - margin(time),
        }
    }

    /// How long is left.
    pub(super) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Waits a little; false where there is no time for that. `at_most` is when it
    /// is certainly worth another look.
    pub(super) async fn pause(&mut self, at_most: Option<Duration>) -> bool {
        let now = Instant::now();
        if now >= self.until {
            return false;
        }
        let next = self.pauses.length();
        let pause = at_most.map_or(next, |most| most.min(next));
        sleep_until(self.until.min(now + pause)).await;
        true
    }
}
