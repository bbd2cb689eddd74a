//! Label values: closed sets, so that the number of series is known beforehand.

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

/// What became of a record.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Settled {
    /// A one-way record was handled.
    Done,
    /// A call was answered with a status below 400.
    Reply,
    /// A call was answered with an error status.
    ReplyError(ErrorClass),
    /// A one-way record waits because the handler cannot take it now.
    NotNow,
    /// An attempt failed and another follows.
    FailedRetry,
    /// A one-way record was given up; the reason is a stable, low-numbered text.
    DeadLetter(&'static str),
    /// The deadline had passed: the handler did not run.
    Expired,
    /// The record could not be read.
    Undecodable,
    /// No endpoint is known for the record.
    UnknownEndpoint,
    /// The caller cancelled.
    Cancelled,
    /// The handler panicked.
    Panic,
    /// The record names a reply topic outside the allow-list.
    ReplyTopicRefused,
    /// The first record of a reply stream was acknowledged.
    StreamOpened,
    /// A reply stream ended.
    StreamEnded(StreamEnd),
}

impl Settled {
    /// What an answer with this HTTP status counts as.
    #[must_use]
    pub fn reply(status: u16) -> Self {
        ErrorClass::of(status).map_or(Self::Reply, Self::ReplyError)
    }

    /// The values of the labels `outcome` and `detail`.
    #[must_use]
    pub fn labels(self) -> (&'static str, &'static str) {
        match self {
            Self::Done => ("done", ""),
            Self::Reply => ("reply", ""),
            Self::ReplyError(class) => ("reply_error", class.as_str()),
            Self::NotNow => ("not_now", ""),
            Self::FailedRetry => ("failed_retry", ""),
            Self::DeadLetter(reason) => ("dead_letter", reason),
            Self::Expired => ("expired", ""),
            Self::Undecodable => ("undecodable", ""),
            Self::UnknownEndpoint => ("unknown_endpoint", ""),
            Self::Cancelled => ("cancelled", ""),
            Self::Panic => ("panic", ""),
            Self::ReplyTopicRefused => ("reply_topic_refused", ""),
            Self::StreamOpened => ("stream_opened", ""),
            Self::StreamEnded(how) => ("stream_ended", how.as_str()),
        }
    }
}

/// What one run of a handler came to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum HandlerResult {
    /// It finished without an answer.
    Done,
    /// It answered with a status below 400.
    Reply,
    /// It answered with an error status.
    ReplyError(ErrorClass),
    /// It cannot take the record now.
    NotNow,
    /// It failed; the reason is a stable, low-numbered text.
    Failed(&'static str),
    /// It panicked.
    Panicked,
    /// It was dropped before it finished.
    Dropped,
}

impl HandlerResult {
    /// What an answer with this HTTP status counts as.
    #[must_use]
    pub fn reply(status: u16) -> Self {
        ErrorClass::of(status).map_or(Self::Reply, Self::ReplyError)
    }

    /// The values of the labels `result` and `detail`.
    #[must_use]
    pub fn labels(self) -> (&'static str, &'static str) {
        match self {
            Self::Done => ("done", ""),
            Self::Reply => ("reply", ""),
            Self::ReplyError(class) => ("reply_error", class.as_str()),
            Self::NotNow => ("not_now", ""),
            Self::Failed(reason) => ("failed", reason),
            Self::Panicked => ("panicked", ""),
            Self::Dropped => ("dropped", ""),
        }
    }
}

/// Declares a label: an enum whose values have one stable text each.
macro_rules! label {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident => $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The label's text.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
                self.as_str().encode(encoder)
            }
        }
    };
}

label! {
    /// The class of an error status.
    ErrorClass {
        /// 400 to 499.
        Client => "4xx",
        /// 500 and above.
        Server => "5xx",
    }
}

impl ErrorClass {
    /// The class of an HTTP status; `None` below 400.
    #[must_use]
    pub fn of(status: u16) -> Option<Self> {
        match status {
            0..400 => None,
            400..500 => Some(Self::Client),
            _ => Some(Self::Server),
        }
    }
}

label! {
    /// How a reply stream ended.
    StreamEnd {
        /// The handler's stream came to its end.
        Completed => "completed",
        /// The handler's stream broke off.
        Failed => "failed",
        /// The instance drained or lost the partition: the caller may resume.
        Moved => "moved",
        /// The caller cancelled.
        Cancelled => "cancelled",
        /// The caller gave no credit, or its replies could not be delivered.
        CallerGone => "caller_gone",
    }
}

label! {
    /// What a rebalance did to this instance.
    Rebalance {
        /// Partitions were assigned.
        Assigned => "assigned",
        /// Partitions were taken away in good order.
        Revoked => "revoked",
        /// Partitions had gone to another member already.
        Lost => "lost",
    }
}

label! {
    /// How a call ended at its caller.
    CallOutcome {
        /// A reply with a status below 400.
        Reply => "reply",
        /// A reply with an error status.
        ApplicationError => "application_error",
        /// Known not to have been sent.
        Rejected => "rejected",
        /// Sent, or possibly sent; no answer by the deadline.
        Unknown => "unknown",
    }
}

label! {
    /// What a request learnt of its claim at the dedup store.
    ClaimResult {
        /// The work was its own to do.
        Granted => "granted",
        /// The same, after an owner that let its lease run out.
        TakenOver => "taken_over",
        /// It was answered from the store.
        Replayed => "replayed",
        /// The same, after it had waited for the request that ran.
        Waited => "waited",
        /// Its deadline came before the request that ran had ended.
        Conflict => "conflict",
        /// Its key stands for another request.
        Mismatch => "mismatch",
        /// It has no key, or one that cannot be used.
        Refused => "refused",
        /// Another owner had taken its work over before it ended.
        Fenced => "fenced",
        /// It was handled, and what it did to the store's transaction undid it.
        Undone => "undone",
        /// It was handled without the store, which did not answer.
        Unprotected => "unprotected",
        /// It was not handled: the store did not answer.
        Unavailable => "unavailable",
    }
}

label! {
    /// How a transaction of outputs and offsets ended.
    TransactionEnd {
        /// All of it can be read.
        Committed => "committed",
        /// No topic takes one of its records, which is ended as failed; the others go
        /// into another.
        Refused => "refused",
        /// One of its partitions had gone to another instance. What is still ours goes
        /// into another.
        Fenced => "fenced",
    }
}

label! {
    /// Why a record was not acknowledged by the broker.
    SendFailure {
        /// The send queue was full.
        QueueFull => "queue_full",
        /// The record cannot be sent as it is.
        Refused => "refused",
        /// It is not known whether the log has the record.
        Unacknowledged => "unacknowledged",
        /// The transport was closed first.
        Closed => "closed",
    }
}

label! {
    /// What a client of the Kafka library is for.
    ClientKind {
        /// Sending.
        Producer => "producer",
        /// Reading as a member of a consumer group: requests.
        Group => "group",
        /// Reading one partition outside any group: replies, or control records.
        Reader => "reader",
    }
}

label! {
    /// Which round trip of an interval a figure is.
    RoundTripFigure {
        /// The average of all.
        Average => "average",
        /// Nine in ten were quicker.
        P90 => "p90",
        /// All but one in a hundred were quicker.
        P99 => "p99",
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(super) struct EndpointLabels {
    pub(super) endpoint: Arc<str>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(super) struct OutcomeLabels {
    pub(super) endpoint: Arc<str>,
    pub(super) outcome: &'static str,
    pub(super) detail: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(super) struct HandlerLabels {
    pub(super) endpoint: Arc<str>,
    pub(super) result: &'static str,
    pub(super) detail: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(super) struct TopicLabels {
    pub(super) topic: Arc<str>,
}

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, EncodeLabelSet)]
pub(super) struct PartitionLabels {
    pub(super) topic: Arc<str>,
    pub(super) partition: i32,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(super) struct ReasonLabels {
    pub(super) reason: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(super) struct StopLabels {
    pub(super) endpoint: Arc<str>,
    pub(super) cause: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(super) struct RebalanceLabels {
    pub(super) kind: Rebalance,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(super) struct ClaimLabels {
    pub(super) result: ClaimResult,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(super) struct TransactionLabels {
    pub(super) end: TransactionEnd,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(super) struct CallLabels {
    pub(super) outcome: CallOutcome,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(super) struct SendFailureLabels {
    pub(super) reason: SendFailure,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(super) struct ClientLabels {
    pub(super) client: ClientKind,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(super) struct BrokerLabels {
    pub(super) client: ClientKind,
    pub(super) broker: i32,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(super) struct RoundTripLabels {
    pub(super) client: ClientKind,
    pub(super) broker: i32,
    pub(super) figure: RoundTripFigure,
}
