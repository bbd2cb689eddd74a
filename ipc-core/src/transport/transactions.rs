//! Records and a group's offsets, written at once or not at all.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::{Note, Outgoing, Placed, SendError};

/// Records and offsets that become visible together.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    /// What is written, in this order.
    pub records: Vec<Outgoing>,
    /// The next offset to process of each partition, with what is noted there.
    pub offsets: Vec<Note>,
    /// Cancelled when one of the partitions is given up: what is not committed by
    /// then must not be.
    pub void: CancellationToken,
}

/// Where the records of a committed transaction lie, as far as that was told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Places(Vec<Option<Placed>>);

impl Places {
    /// Where the record of this number lies; `None` where nobody was told.
    #[must_use]
    pub fn of(&self, record: usize) -> Option<Placed> {
        *self.0.get(record)?
    }
}

impl FromIterator<Option<Placed>> for Places {
    fn from_iter<I: IntoIterator<Item = Option<Placed>>>(places: I) -> Self {
        Self(places.into_iter().collect())
    }
}

/// Why nothing of a transaction is visible.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransactionError {
    /// The log never takes one of the records.
    #[error("record {record} of the transaction cannot be written: {error}")]
    Refused {
        /// Its place among the records.
        record: usize,
        /// Why.
        error: SendError,
    },
    /// A partition is not this consumer's any more, or the transaction is void.
    #[error("a partition of the transaction is not assigned any more")]
    Fenced,
}

/// Commits transactions, one after the other, in the name of one consumer.
#[async_trait]
pub trait Transactions: Send + Sync {
    /// Writes the records and commits the offsets, or neither. Goes on, however
    /// long that takes, until it is known which. Answers where the records lie.
    ///
    /// # Errors
    ///
    /// When nothing of it is visible and the same transaction never will be.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves open whether it is committed; no other attempt at
    /// it begins afterwards.
    async fn commit(&self, transaction: Arc<Transaction>) -> Result<Places, TransactionError>;
}
