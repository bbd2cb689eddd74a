//! What a handler's result means for the record it came from.

use std::borrow::Cow;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;

use crate::envelope::{Headers, Problem, problem};

/// What becomes of a delivered record.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// Finished; nobody is answered.
    Done,
    /// The caller is answered.
    Reply(Reply),
    /// The handler cannot take it now; it waits in its lane and no attempt is
    /// counted. Only for one-way records.
    NotNow {
        /// How long to wait at least; `None` leaves it to dispatch.
        after: Option<Duration>,
    },
    /// The attempt failed. Only for one-way records.
    Failed(Failure),
    /// The attempt failed and is counted; the record waits in its lane for the
    /// next one.
    Retry {
        /// How long to wait.
        after: Duration,
    },
    /// The attempt failed and is counted; the record is in the log of a retry topic,
    /// from where the next attempt is made, and done with where it was.
    Deferred,
    /// It was given up, and is kept where it can be redriven from.
    DeadLettered(Reason),
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// HTTP headers, names in lower case.
    pub headers: Headers,
    /// The body.
    pub body: ReplyBody,
    /// Why the framework answered in the handler's place.
    pub cause: Option<Reason>,
    /// Whether another attempt may be answered otherwise.
    pub repeat: Repeat,
}

/// What a handler says about repeating what it answered with a 5xx.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Repeat {
    /// Nothing: another attempt may help.
    #[default]
    Unsaid,
    /// Another attempt ends the same way.
    Never,
    /// Another attempt may help after so long.
    After(Duration),
}

/// Pieces of a body as they come.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>;

/// A reply body ended with a problem instead of its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the reply body broke off: {0}")]
pub struct BodyError(pub Problem);

/// How much body there is and how it travels.
pub enum ReplyBody {
    /// All of it, in one record.
    Full(Bytes),
    /// One body cut into chunks.
    Chunked(BodyStream),
    /// Many replies: one record each.
    Stream(BodyStream),
}

impl std::fmt::Debug for ReplyBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Full(bytes) => write!(f, "Full({} bytes)", bytes.len()),
            Self::Chunked(_) => f.write_str("Chunked"),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

/// Why a one-way record was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The class of failure, stable and low in number.
    pub reason: Reason,
    /// Whether another attempt may help.
    pub retryable: bool,
    /// What happened, fit for a dead letter: no payload, no secret.
    pub message: Cow<'static, str>,
}

/// Why a record was given up: the value of `ipc-dlq-reason` and a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The handler answered a 5xx.
    ServerError,
    /// The handler did not finish within its timeout.
    Timeout,
    /// The handler answered a 4xx that no repetition mends.
    ClientError,
    /// The handler panicked.
    Panic,
    /// The record cannot be read.
    Undecodable,
    /// No endpoint is known for it.
    UnknownEndpoint,
    /// Its sender's deadline passed.
    Expired,
    /// It waited longer than its endpoint's `max_age`.
    TooOld,
    /// It names a reply topic outside the allow-list.
    ReplyTopicRefused,
    /// Processes ended again and again while it was handled.
    Quarantined,
}

impl Reason {
    /// Every reason.
    pub const ALL: &[Self] = &[
        Self::ServerError,
        Self::Timeout,
        Self::ClientError,
        Self::Panic,
        Self::Undecodable,
        Self::UnknownEndpoint,
        Self::Expired,
        Self::TooOld,
        Self::ReplyTopicRefused,
        Self::Quarantined,
    ];

    /// The stable text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServerError => "server-error",
            Self::Timeout => "timeout",
            Self::ClientError => "client-error",
            Self::Panic => "panic",
            Self::Undecodable => "undecodable",
            Self::UnknownEndpoint => "unknown-endpoint",
            Self::Expired => "expired",
            Self::TooOld => "too-old",
            Self::ReplyTopicRefused => "reply-topic-refused",
            Self::Quarantined => "quarantined",
        }
    }
}

impl Reply {
    /// A reply with the whole body in one record.
    #[must_use]
    pub fn full(status: u16, headers: Headers, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers,
            body: ReplyBody::Full(body.into()),
            cause: None,
            repeat: Repeat::Unsaid,
        }
    }

    /// Says whether another attempt may be answered otherwise.
    #[must_use]
    pub fn repeated(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    /// Says why the framework answers in the handler's place.
    #[must_use]
    pub fn because(mut self, cause: Reason) -> Self {
        self.cause = Some(cause);
        self
    }
}

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Self {
        let (headers, body) = document(&problem);
        Self::full(problem.status, headers, body)
    }
}

/// A problem as the headers and the body of a record.
pub(crate) fn document(problem: &Problem) -> (Headers, Bytes) {
    let mut headers = Headers::with_capacity(1);
    let media_type = Bytes::from_static(problem::CONTENT_TYPE.as_bytes());
    headers.push_static("content-type", media_type);
    (headers, problem.to_json())
}
