use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// What either side of an exchange by hand does beyond what it cannot do without.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Effort {
    /// How long it is busy with each record.
    pub(crate) work: Duration,
    /// Whether another thread than the one that polls does it, as must be where a
    /// handler that takes its time is not to hold up the consumer.
    pub(crate) hands_over: bool,
}

impl Effort {
    pub(crate) const NONE: Self = Self {
        work: Duration::ZERO,
        hands_over: false,
    };

    /// Is busy for one record.
    pub(super) fn spend(self) {
        let begun = Instant::now();
        while begun.elapsed() < self.work {
            std::hint::spin_loop();
        }
    }
}
