//! How a sender learns what became of its record.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

/// Where the log put a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placed {
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
}

/// Why a record was not acknowledged.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The send queue is full: nothing was sent, slow down.
    #[error("the send queue is full: {limit} records wait for the broker")]
    QueueFull {
        /// How many records may wait.
        limit: usize,
    },
    /// The record cannot be sent as it is; it never left.
    #[error("record for topic {topic} refused: {reason}")]
    Refused {
        /// The topic it was meant for.
        topic: String,
        /// Why.
        reason: String,
    },
    /// The record is larger than the client or its topic takes; it never entered
    /// the log.
    #[error("record for topic {topic} is too large: {reason}")]
    TooLarge {
        /// The topic it was meant for.
        topic: String,
        /// Which limit, and what to do about it.
        reason: String,
    },
    /// It is not known whether the log has the record.
    #[error("record for topic {topic} not acknowledged: {reason}")]
    Unacknowledged {
        /// The topic it was meant for.
        topic: String,
        /// Why.
        reason: String,
    },
    /// The transport was closed before the record was settled.
    #[error("the transport is closed")]
    Closed,
}

impl SendError {
    /// Whether the same record may well be taken the next time.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::QueueFull { .. } | Self::Unacknowledged { .. })
    }

    /// Whether the record is known not to be in the log.
    #[must_use]
    pub fn is_known_unsent(&self) -> bool {
        matches!(
            self,
            Self::QueueFull { .. } | Self::Refused { .. } | Self::TooLarge { .. }
        )
    }
}

/// The transport's end: told, exactly once, what became of a record. Dropped
/// without an answer it says [`SendError::Closed`].
#[derive(Debug)]
pub struct Ack(To);

#[derive(Debug)]
enum To {
    Nobody,
    Receipt(oneshot::Sender<Result<Placed, SendError>>),
    Settle(Arc<dyn Settle>),
}

/// Learns what became of a record, on the transport's own thread.
pub trait Settle: fmt::Debug + Send + Sync {
    /// Called once. Must not block.
    fn settle(self: Arc<Self>, result: Result<Placed, SendError>);
}

/// The sender's end of an [`Ack`].
#[derive(Debug)]
pub struct Receipt(oneshot::Receiver<Result<Placed, SendError>>);

impl Ack {
    /// An acknowledgement and the receipt that awaits it.
    #[must_use]
    pub fn pair() -> (Self, Receipt) {
        let (sender, receiver) = oneshot::channel();
        (Self(To::Receipt(sender)), Receipt(receiver))
    }

    /// An acknowledgement that is handed to `settle`: for senders with no task
    /// that waits.
    #[must_use]
    pub fn to(settle: Arc<dyn Settle>) -> Self {
        Self(To::Settle(settle))
    }

    /// For records whose fate nobody waits for.
    #[must_use]
    pub fn ignored() -> Self {
        Self(To::Nobody)
    }

    /// Settles the record.
    pub fn settle(mut self, result: Result<Placed, SendError>) {
        match std::mem::replace(&mut self.0, To::Nobody) {
            To::Nobody => {}
            // Nobody listening any more is fine: the record is settled all the same.
            To::Receipt(sender) => drop(sender.send(result)),
            To::Settle(settle) => settle.settle(result),
        }
    }
}

impl Drop for Ack {
    fn drop(&mut self) {
        if let To::Settle(settle) = std::mem::replace(&mut self.0, To::Nobody) {
            settle.settle(Err(SendError::Closed));
        }
    }
}

impl Future for Receipt {
    type Output = Result<Placed, SendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(cx)
            .map(|settled| settled.unwrap_or(Err(SendError::Closed)))
    }
}
