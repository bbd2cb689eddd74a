//! The present, by both clocks.

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
    /// The same moment by the wall clock, for an `at` that is not earlier.
    pub(super) fn wall_at(&self, at: Instant) -> UnixMillis {
        self.wall.plus(at.saturating_duration_since(self.at))
    }
}
