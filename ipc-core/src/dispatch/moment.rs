//! The present, by both clocks.

use std::time::Duration;

use tokio::time::Instant;

use crate::envelope::UnixMillis;

/// A point in time. The clocks are read once for many records; what comes later
/// is told by the one that is cheap to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) at: Instant,
    /// By the clock that stamps records and deadlines.
    pub(super) wall: UnixMillis,
}

impl Moment {
    /// How long before `at` this was.
    #[inline]
    pub(super) fn until(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.at)
    }
}
