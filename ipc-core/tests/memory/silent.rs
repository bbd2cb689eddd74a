//! A log whose broker may fall silent.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ipc_core::envelope::UnixMillis;
use ipc_core::transport::memory::MemoryTransport;
use ipc_core::transport::{
    Ack, Consumer, Inlet, Outgoing, Start, Subscription, TopicPartition, TopicSpec, TopicState,
    Transport, TransportError,
};
use parking_lot::Mutex;

/// While it is silent, what is sent is neither taken nor refused.
pub(crate) struct Silent {
    inner: Arc<MemoryTransport>,
    unsettled: Mutex<Option<Vec<Ack>>>,
}

impl Silent {
    pub(crate) fn new(inner: Arc<MemoryTransport>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            unsettled: Mutex::new(None),
        })
    }

    pub(crate) fn fall_silent(&self) {
        *self.unsettled.lock() = Some(Vec::new());
    }

    /// What was sent meanwhile is lost.
    pub(crate) fn answer_again(&self) {
        self.unsettled.lock().take();
    }
}

#[async_trait]
impl Transport for Silent {
    fn send(&self, record: &Outgoing, ack: Ack) {
        match &mut *self.unsettled.lock() {
            Some(unsettled) => unsettled.push(ack),
            None => self.inner.send(record, ack),
        }
    }

    fn now(&self) -> UnixMillis {
        self.inner.now()
    }

    async fn subscribe(
        &self,
        subscription: Subscription,
        inlet: Box<dyn Inlet>,
    ) -> Result<Consumer, TransportError> {
        self.inner.subscribe(subscription, inlet).await
    }

    async fn read(
        &self,
        from: TopicPartition,
        start: Start,
        inlet: Box<dyn Inlet>,
    ) -> Result<Consumer, TransportError> {
        self.inner.read(from, start, inlet).await
    }

    async fn topics(&self, names: &[Arc<str>]) -> Result<Vec<Option<TopicState>>, TransportError> {
        self.inner.topics(names).await
    }

    async fn written_since(
        &self,
        topic: &TopicState,
        since: UnixMillis,
    ) -> Result<Vec<u64>, TransportError> {
        self.inner.written_since(topic, since).await
    }

    async fn committed(
        &self,
        group: &str,
        topic: &TopicState,
    ) -> Result<Vec<Option<i64>>, TransportError> {
        self.inner.committed(group, topic).await
    }

    async fn create_topics(&self, topics: &[TopicSpec]) -> Result<(), TransportError> {
        self.inner.create_topics(topics).await
    }

    async fn flush(&self, within: Duration) -> Result<(), TransportError> {
        self.inner.flush(within).await
    }
}
