//! How a call can end without a reply.

use std::fmt;
use std::time::Duration;

use crate::contract::{DecodeError, EncodeError, ErrorReply};
use crate::envelope::{CorrelationId, Problem};
use crate::transport::SendError;

/// A call that did not end in a success reply.
///
/// Every call ends in exactly one of: a reply, an application error, rejected
/// (known not to have been sent) or unknown (sent or possibly sent, and no
/// answer came in time).
#[derive(Debug)]
#[non_exhaustive]
pub enum CallError<E = ()> {
    /// The service answered with an error status.
    Application(ErrorReply<E>),
    /// Nothing was sent: trying again is safe.
    Rejected(Rejected),
    /// It is not known what became of the request: trying again may do the work
    /// twice, unless it is idempotent.
    Unknown(Unknown),
    /// The service answered success with a body that is not what its contract
    /// says.
    Undecodable(DecodeError),
    /// The service answered with what is no HTTP response.
    Malformed(Problem),
}

/// A request that was not sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Rejected {
    /// A value of the request cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The request asks for what cannot be sent.
    #[error(transparent)]
    Refused(Problem),
    /// The record was refused before it left.
    #[error(transparent)]
    Send(SendError),
    /// Too many calls wait for an answer.
    #[error("{limit} calls are pending, as many as may be: wait, or raise max_pending")]
    Full {
        /// The bound.
        limit: usize,
    },
    /// No instance of the service has been heard for a while.
    #[error("no instance of service {service} is running")]
    Absent {
        /// The service.
        service: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// Every instance of the service has said for a while that the whole of it is paused.
    #[error("service {service} is paused")]
    Paused {
        /// The service.
        service: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// The time for this call was over before it was sent.
    #[error("the deadline passed before the request was sent")]
    TooLate,
    /// The client does not hear its replies at present.
    #[error("the reply inbox is not ready: the broker is away or the reply topic is gone")]
    InboxNotReady,
    /// The client was closed.
    #[error("the client is closed")]
    Closed,
}

/// A request whose fate is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no answer to request {correlation_id}: {reason}")]
pub struct Unknown {
    /// The request.
    pub correlation_id: CorrelationId,
    /// Why no answer is known.
    pub reason: UnknownReason,
}

/// Why no answer is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnknownReason {
    /// The deadline passed.
    #[error("the deadline passed")]
    DeadlinePassed,
    /// The broker did not confirm that it has the request.
    #[error("the broker did not confirm the request")]
    Unacknowledged,
    /// The client was closed while the call was pending.
    #[error("the client was closed")]
    Closed,
    /// A reply of several records has a gap or ended early.
    #[error("the reply is incomplete")]
    Incomplete,
}

impl<E> CallError<E> {
    /// Whether nothing was sent, so that trying again is safe.
    #[must_use]
    pub fn is_rejected(&self) -> bool {
        matches!(self, Self::Rejected(_))
    }

    /// Whether it is not known what became of the request.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// The error reply, where the service answered with one.
    #[must_use]
    pub fn application(&self) -> Option<&ErrorReply<E>> {
        match self {
            Self::Application(reply) => Some(reply),
            _ => None,
        }
    }
}

/// A request without an answer: what every kind of call has in common.
#[derive(Debug)]
pub(crate) enum Unanswered {
    Rejected(Rejected),
    Unknown(Unknown),
}

impl From<Rejected> for Unanswered {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected)
    }
}

impl From<Unknown> for Unanswered {
    fn from(unknown: Unknown) -> Self {
        Self::Unknown(unknown)
    }
}

impl<E> From<Unanswered> for CallError<E> {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Rejected(rejected) => Self::Rejected(rejected),
            Unanswered::Unknown(unknown) => Self::Unknown(unknown),
        }
    }
}

impl<E> From<Rejected> for CallError<E> {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected)
    }
}

impl<E> From<Unknown> for CallError<E> {
    fn from(unknown: Unknown) -> Self {
        Self::Unknown(unknown)
    }
}

impl<E> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Application(reply) => reply.fmt(f),
            Self::Rejected(rejected) => rejected.fmt(f),
            Self::Unknown(unknown) => unknown.fmt(f),
            Self::Undecodable(error) => error.fmt(f),
            Self::Malformed(problem) => problem.fmt(f),
        }
    }
}

impl<E: fmt::Debug> std::error::Error for CallError<E> {}
