//! Why an outbox does not do something.

use crate::contract::EncodeError;
use crate::store::postgres::said;

/// An outbox did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboxError {
    /// The message could never be sent. Nothing was written: the transaction goes on.
    #[error("the message for topic {topic:?} cannot be sent: {reason}")]
    Message {
        /// The topic it is meant for.
        topic: String,
        /// Why, and what mends it.
        reason: String,
    },
    /// A value of a typed request does not serialise, or does not fit its path. Nothing
    /// was written: the transaction goes on.
    #[error("the request cannot be written")]
    Encode(#[from] EncodeError),
    /// The database did not do it. A transaction in which a statement failed can only be
    /// rolled back.
    #[error("the outbox {what}: {said}", said = said(.error))]
    Database {
        /// What was not done.
        what: &'static str,
        /// What the database says.
        #[source]
        error: sqlx::Error,
    },
    /// The database cannot hold an outbox as it is; says what mends it.
    #[error("{0}")]
    Schema(String),
}

impl OutboxError {
    pub(super) fn message(topic: &str, reason: impl Into<String>) -> Self {
        Self::Message {
            topic: topic.to_owned(),
            reason: reason.into(),
        }
    }

    /// For `map_err`: `what` the database did not do.
    pub(super) fn database(what: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |error| Self::Database { what, error }
    }
}
