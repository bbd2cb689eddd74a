//! Transactions: outputs and offsets appear at once, or not at all.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::sleep;

use super::Shared;
use super::broker::SessionId;
use super::faults::Transact;
use crate::transport::{Places, Transaction, TransactionError, Transactions};

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(100);

/// Commits transactions in the name of one consumer.
pub(super) struct Transactor {
    pub(super) broker: Shared,
    pub(super) id: SessionId,
}

#[async_trait]
impl Transactions for Transactor {
    async fn commit(&self, transaction: Arc<Transaction>) -> Result<Places, TransactionError> {
        loop {
            if transaction.void.is_cancelled() {
                return Err(TransactionError::Fenced);
            }
            let (fate, places) = self.broker.lock().transact(self.id, &transaction)?;
            match fate {
                Transact::Commit => return Ok(places),
                Transact::CommitAfter(after) => {
                    sleep(after).await;
                    return Ok(places);
                }
                Transact::Abort => sleep(PAUSE).await,
                Transact::LoseAnswer => {
                    sleep(PAUSE).await;
                    // The offsets tell, while they are ours to commit.
                    return match self.broker.lock().has_all(self.id, &transaction.offsets) {
                        true => Ok(places),
                        false => Err(TransactionError::Fenced),
                    };
                }
            }
        }
    }
}
