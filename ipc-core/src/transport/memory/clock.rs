//! The cluster's time.

use tokio::time::Instant;

use crate::envelope::UnixMillis;

/// Tokio's clock, which tests pause, read as wall-clock time.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    origin: Instant,
    epoch: UnixMillis,
}

impl Clock {
    /// A clock that shows `epoch` now.
    pub(super) fn starting_at(epoch: UnixMillis) -> Self {
        Self {
            origin: Instant::now(),
            epoch,
        }
    }

    pub(super) fn now(&self) -> UnixMillis {
        self.epoch.plus(self.origin.elapsed())
    }
}
