//! What an endpoint promises and asks for, as plain data.

use std::time::Duration;

/// How an endpoint answers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Mode {
    /// One request, one reply.
    #[default]
    Call,
    /// No reply; a caller that asks for one gets 202 after completion.
    OneWay,
    /// One request, many replies.
    Stream,
}

/// How often a handler may see one record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Guarantee {
    /// At least once: the offset is stored after the work.
    #[default]
    AtLeastOnce,
    /// At most once: the offset is committed before the work.
    AtMostOnce,
}

/// What an endpoint does with idempotency keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Idempotency {
    /// Nothing is stored.
    #[default]
    Off,
    /// A request with a key is answered from the store the second time.
    Optional,
    /// A request without a key is refused with 400.
    Required,
    /// The key is derived from the record's coordinates: redelivery alone is caught.
    Derived,
}

/// What decides a request's record key, and with it its partition and lane.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum KeyRule {
    /// Nothing for GET, HEAD and OPTIONS; else the single path parameter, else
    /// the idempotency key, else nothing.
    #[default]
    Default,
    /// The named path parameter.
    Path(&'static str),
    /// The named request header.
    Header(&'static str),
    /// Nothing: no order is kept.
    None,
}

/// How often and how soon a failed attempt is repeated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct RetrySpec {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// How long to wait between attempts. Default: 100 ms to 10 s.
    pub backoff: Backoff,
}

impl RetrySpec {
    /// This many attempts in all, with the default backoff.
    #[must_use]
    pub const fn attempts(attempts: u32) -> Self {
        Self {
            attempts,
            backoff: Backoff {
                first: Duration::from_millis(100),
                longest: Duration::from_secs(10),
            },
        }
    }

    /// Waits between these bounds.
    #[must_use]
    pub const fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.backoff = Backoff { first, longest };
        self
    }
}

/// Bounds of the wait between attempts, which grows from one to the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backoff {
    /// The wait before the second attempt.
    pub first: Duration,
    /// The wait no later attempt exceeds.
    pub longest: Duration,
}
