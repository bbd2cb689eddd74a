//! Putting something under load, and what comes of it.

mod closed;
mod recorder;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(crate) use self::closed::closed;
pub(crate) use self::recorder::Recorder;

/// What a client is asked to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Load {
    /// So many calls are always in flight: a new one begins when one ends.
    Closed { in_flight: usize, span: Duration },
}

/// What became of a load.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Calls that were answered.
    pub(crate) done: u64,
    /// Calls that were not.
    pub(crate) failed: u64,
    /// From the first call to the last answer.
    pub(crate) seconds: f64,
    pub(crate) latency: Latency,
}

/// How long calls took, in seconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

impl Sample {
    pub(crate) fn per_second(&self) -> f64 {
        self.done as f64 / self.seconds
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed { in_flight, .. } => write!(f, "{in_flight} in flight"),
        }
    }
}
