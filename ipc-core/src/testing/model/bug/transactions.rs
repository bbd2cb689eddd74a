//! Bugs between an instance and its transactions.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::sleep;

use crate::transport::memory::MemoryCluster;
use crate::transport::{Places, Transaction, TransactionError, Transactions};

/// Between what is committed at once elsewhere.
const LATER: Duration = Duration::from_millis(50);

/// Writes the records in one transaction, and commits the offsets after it.
pub(super) struct Apart {
    pub(super) transactions: Arc<dyn Transactions>,
    pub(super) cluster: MemoryCluster,
    pub(super) group: Arc<str>,
}

#[async_trait]
impl Transactions for Apart {
    async fn commit(&self, transaction: Arc<Transaction>) -> Result<Places, TransactionError> {
        let records = Transaction {
            records: transaction.records.clone(),
            offsets: Vec::new(),
            void: transaction.void.clone(),
        };
        let places = self.transactions.commit(Arc::new(records)).await?;
        sleep(LATER).await;
        let offsets = transaction.offsets.iter();
        let offsets = offsets.map(|note| (note.partition.clone(), note.next));
        let offsets: Vec<_> = offsets.collect();
        self.cluster.commit_unfenced(&self.group, &offsets);
        Ok(places)
    }
}
