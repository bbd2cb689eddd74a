//! A transport before another.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::envelope::UnixMillis;
use crate::transport::{
    Ack, Consumer, Inlet, Outgoing, Start, Subscription, TopicNames, TopicPartition, TopicSpec,
    TopicState, TopologyPlan, Transport, TransportError,
};

/// A [`Transport`] before another. Each method is that of [`Transport`], and passes on
/// to the [`inner`](Self::inner) one.
#[async_trait]
pub trait TransportDecorator: Send + Sync + 'static {
    /// What it stands before.
    fn inner(&self) -> &dyn Transport;

    /// As [`Transport::send`].
    fn send(&self, record: &Outgoing, ack: Ack) {
        self.inner().send(record, ack);
    }

    /// As [`Transport::now`].
    fn now(&self) -> UnixMillis {
        self.inner().now()
    }

    /// As [`Transport::topic_names`].
    fn topic_names(&self) -> TopicNames {
        self.inner().topic_names()
    }

    /// As [`Transport::subscribe`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    async fn subscribe(
        &self,
        subscription: Subscription,
        inlet: Box<dyn Inlet>,
    ) -> Result<Consumer, TransportError> {
        self.inner().subscribe(subscription, inlet).await
    }

    /// As [`Transport::read`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    async fn read(
        &self,
        from: TopicPartition,
        start: Start,
        inlet: Box<dyn Inlet>,
    ) -> Result<Consumer, TransportError> {
        self.inner().read(from, start, inlet).await
    }

    /// As [`Transport::topics`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    async fn topics(&self, names: &[Arc<str>]) -> Result<Vec<Option<TopicState>>, TransportError> {
        self.inner().topics(names).await
    }

    /// As [`Transport::written_since`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    async fn written_since(
        &self,
        topic: &TopicState,
        since: UnixMillis,
    ) -> Result<Vec<u64>, TransportError> {
        self.inner().written_since(topic, since).await
    }

    /// As [`Transport::committed`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    async fn committed(
        &self,
        group: &str,
        topic: &TopicState,
    ) -> Result<Vec<Option<i64>>, TransportError> {
        self.inner().committed(group, topic).await
    }

    /// As [`Transport::held`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    async fn held(&self, topic: &TopicState) -> Result<Vec<Range<i64>>, TransportError> {
        self.inner().held(topic).await
    }

    /// As [`Transport::create_topics`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    async fn create_topics(&self, topics: &[TopicSpec]) -> Result<(), TransportError> {
        self.inner().create_topics(topics).await
    }

    /// As [`Transport::check`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    async fn check(&self, plan: &TopologyPlan) -> Result<(), TransportError> {
        self.inner().check(plan).await
    }

    /// As [`Transport::flush`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    async fn flush(&self, within: Duration) -> Result<(), TransportError> {
        self.inner().flush(within).await
    }
}

#[async_trait]
impl<T: TransportDecorator> Transport for T {
    fn send(&self, record: &Outgoing, ack: Ack) {
        TransportDecorator::send(self, record, ack);
    }

    fn now(&self) -> UnixMillis {
        TransportDecorator::now(self)
    }

    fn topic_names(&self) -> TopicNames {
        TransportDecorator::topic_names(self)
    }

    async fn subscribe(
        &self,
        subscription: Subscription,
        inlet: Box<dyn Inlet>,
    ) -> Result<Consumer, TransportError> {
        TransportDecorator::subscribe(self, subscription, inlet).await
    }

    async fn read(
        &self,
        from: TopicPartition,
        start: Start,
        inlet: Box<dyn Inlet>,
    ) -> Result<Consumer, TransportError> {
        TransportDecorator::read(self, from, start, inlet).await
    }

    async fn topics(&self, names: &[Arc<str>]) -> Result<Vec<Option<TopicState>>, TransportError> {
        TransportDecorator::topics(self, names).await
    }

    async fn written_since(
        &self,
        topic: &TopicState,
        since: UnixMillis,
    ) -> Result<Vec<u64>, TransportError> {
        TransportDecorator::written_since(self, topic, since).await
    }

    async fn committed(
        &self,
        group: &str,
        topic: &TopicState,
    ) -> Result<Vec<Option<i64>>, TransportError> {
        TransportDecorator::committed(self, group, topic).await
    }

    async fn held(&self, topic: &TopicState) -> Result<Vec<Range<i64>>, TransportError> {
        TransportDecorator::held(self, topic).await
    }

    async fn create_topics(&self, topics: &[TopicSpec]) -> Result<(), TransportError> {
        TransportDecorator::create_topics(self, topics).await
    }

    async fn check(&self, plan: &TopologyPlan) -> Result<(), TransportError> {
        TransportDecorator::check(self, plan).await
    }

    async fn flush(&self, within: Duration) -> Result<(), TransportError> {
        TransportDecorator::flush(self, within).await
    }
}
