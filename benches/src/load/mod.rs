//! Putting something under load, and what comes of it.

mod closed;
mod open;
mod recorder;

use std::fmt;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

pub(crate) use self::closed::closed;
pub(crate) use self::open::{Schedule, open};
pub(crate) use self::recorder::Recorder;

/// What a client is asked to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Load {
    /// So many calls are always in flight: a new one begins when one ends.
    Closed {
        call: Call,
        in_flight: usize,
        span: Duration,
    },
    /// Calls begin at a constant rate, whether others have ended or not, and a
    /// latency counts from when its call was due.
    Open {
        call: Call,
        per_second: u32,
        span: Duration,
    },
    /// So many calls are made that nobody answers, or streams opened that say nothing
    /// more; they stay open.
    Hold { calls: usize },
    /// A gateway takes over one configuration after the other.
    Reload { span: Duration },
    /// A new member of `group` reads so many records.
    Consume { group: String, records: u64 },
}

/// What is asked of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Call {
    /// A body, and the same body back.
    Echo,
    /// The same under so many record keys in turn.
    Keyed { keys: usize },
    /// The same under one record key, after 100 ms of work.
    SlowKey,
    /// The same after 5 s of work, from an endpoint of its own.
    SlowEndpoint,
    /// A stream of so many records.
    Stream { records: u32 },
}

/// What became of a load.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Calls that were answered.
    pub(crate) done: u64,
    /// Calls that were not.
    pub(crate) failed: u64,
    /// What the first of those came to.
    pub(crate) failure: Option<String>,
    /// From the first call to the last answer.
    pub(crate) seconds: f64,
    /// CPU time of this process meanwhile, in seconds.
    pub(crate) cpu: f64,
    pub(crate) latency: Latency,
    /// The longest time for which no call under some key was answered, in seconds;
    /// under a constant rate only.
    pub(crate) longest_gap: f64,
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

impl Load {
    /// Echoes, so many at once.
    pub(crate) fn echo(in_flight: usize, span: Duration) -> Self {
        Self::Closed {
            call: Call::Echo,
            in_flight,
            span,
        }
    }

    /// The same for another time, where it has one.
    pub(crate) fn lasting(&self, span: Duration) -> Self {
        let mut load = self.clone();
        if let Self::Closed { span: old, .. } | Self::Open { span: old, .. } = &mut load {
            *old = span;
        }
        load
    }
}

impl Call {
    /// How many keys it uses in turn.
    pub(crate) fn keys(self) -> usize {
        match self {
            Self::Keyed { keys } => keys,
            _ => 1,
        }
    }
}

impl Sample {
    /// An error where a call was not answered.
    pub(crate) fn ensure_answered(&self) -> Result<()> {
        let failure = self.failure.as_deref().unwrap_or_default();
        ensure!(
            self.failed == 0,
            "{} calls failed, the first: {failure}",
            self.failed
        );
        Ok(())
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.done as f64 / self.seconds
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed { in_flight, .. } => write!(f, "{in_flight} in flight"),
            Self::Open { per_second, .. } => write!(f, "{per_second} per second"),
            Self::Hold { calls } => write!(f, "{calls} pending"),
            Self::Reload { .. } => write!(f, "reloads"),
            Self::Consume { records, .. } => write!(f, "{records} records"),
        }
    }
}
