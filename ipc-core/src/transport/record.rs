//! Records on their way in and out.

use std::fmt;
use std::sync::Arc;

use crate::envelope::{Envelope, UnixMillis};

/// One partition of one topic.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TopicPartition {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition, from 0.
    pub partition: i32,
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.topic, self.partition)
    }
}

/// When a record was written, and by whose clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timestamp {
    /// The producer's clock.
    Created(UnixMillis),
    /// The broker's clock.
    Appended(UnixMillis),
    /// The log does not say.
    Unknown,
}

impl Timestamp {
    /// The point in time, where there is one.
    #[must_use]
    pub fn millis(self) -> Option<UnixMillis> {
        match self {
            Self::Created(at) | Self::Appended(at) => Some(at),
            Self::Unknown => None,
        }
    }
}

/// Where a received record came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The partition it was read from.
    pub partition: TopicPartition,
    /// Its offset there.
    pub offset: i64,
    /// When it was written.
    pub timestamp: Timestamp,
}

/// A record as it arrived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Received {
    /// What it says.
    pub envelope: Envelope,
    /// Where it came from.
    pub origin: Origin,
    /// False when a header could not be carried over (its name is not UTF-8).
    pub intact: bool,
}

/// A record to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outgoing {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition; `None` lets the key decide (murmur2, as the Java client).
    pub partition: Option<i32>,
    /// What it says.
    pub envelope: Envelope,
}
