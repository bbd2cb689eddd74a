//! The steering of a consumer before another.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::transport::{
    Consumer, ConsumerControl, Note, TopicPartition, Transactions, TransportError,
};

/// A [`ConsumerControl`] before a [`Consumer`]. Each method is that of
/// [`ConsumerControl`], and passes on to the [`inner`](Self::inner) one.
#[async_trait]
pub trait ConsumerDecorator: Send + Sync {
    /// What it stands before.
    fn inner(&self) -> &Consumer;

    /// As [`ConsumerControl::pause`].
    fn pause(&self, partitions: Vec<TopicPartition>) {
        self.inner().pause(partitions);
    }

    /// As [`ConsumerControl::resume`].
    fn resume(&self, partitions: Vec<TopicPartition>) {
        self.inner().resume(partitions);
    }

    /// As [`ConsumerControl::store`].
    fn store(&self, offsets: &[(TopicPartition, i64)]) {
        self.inner().store(offsets);
    }

    /// As [`ConsumerControl::commit`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    async fn commit(&self, offsets: &[(TopicPartition, i64)]) -> Result<(), TransportError> {
        self.inner().commit(offsets).await
    }

    /// As [`ConsumerControl::commit_noted`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    async fn commit_noted(&self, notes: &[Note]) -> Result<(), TransportError> {
        self.inner().commit_noted(notes).await
    }

    /// As [`ConsumerControl::notes`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    async fn notes(&self, partitions: &[TopicPartition]) -> Result<Vec<String>, TransportError> {
        self.inner().notes(partitions).await
    }

    /// As [`ConsumerControl::transactions`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    async fn transactions(&self, id: &str) -> Result<Arc<dyn Transactions>, TransportError> {
        self.inner().transactions(id).await
    }

    /// As [`ConsumerControl::close`].
    ///
    /// # Cancel safety
    ///
    /// As there.
    async fn close(&self, within: Duration) {
        self.inner().close(within).await;
    }
}

#[async_trait]
impl<T: ConsumerDecorator> ConsumerControl for T {
    fn pause(&self, partitions: Vec<TopicPartition>) {
        ConsumerDecorator::pause(self, partitions);
    }

    fn resume(&self, partitions: Vec<TopicPartition>) {
        ConsumerDecorator::resume(self, partitions);
    }

    fn store(&self, offsets: &[(TopicPartition, i64)]) {
        ConsumerDecorator::store(self, offsets);
    }

    async fn commit(&self, offsets: &[(TopicPartition, i64)]) -> Result<(), TransportError> {
        ConsumerDecorator::commit(self, offsets).await
    }

    async fn commit_noted(&self, notes: &[Note]) -> Result<(), TransportError> {
        ConsumerDecorator::commit_noted(self, notes).await
    }

    async fn notes(&self, partitions: &[TopicPartition]) -> Result<Vec<String>, TransportError> {
        ConsumerDecorator::notes(self, partitions).await
    }

    async fn transactions(&self, id: &str) -> Result<Arc<dyn Transactions>, TransportError> {
        ConsumerDecorator::transactions(self, id).await
    }

    async fn close(&self, within: Duration) {
        ConsumerDecorator::close(self, within).await;
    }
}
