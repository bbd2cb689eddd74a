use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ipc_core::envelope::UnixMillis;
use ipc_core::transport::memory::{MemoryCluster, MemoryTransport};
use ipc_core::transport::{
    Ack, Consumer, ConsumerControl, Inlet, Outgoing, Start, Subscription, TopicPartition,
    TopicSpec, TopicState, Transport, TransportError,
};
use tokio::sync::watch;

/// The memory transport, telling how far its one partition is marked as done.
pub(super) struct Marked {
    inner: MemoryTransport,
    next: watch::Sender<i64>,
}

impl Marked {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryCluster::new(1).transport(),
            next: watch::Sender::new(0),
        })
    }

    /// Waits until the next offset to process is `next`.
    pub(super) async fn reach(&self, next: i64) {
        let mut marks = self.next.subscribe();
        let reached = marks.wait_for(|marked| *marked >= next).await;
        reached.expect("its sender lives as long as the transport");
    }
}

#[async_trait]
impl Transport for Marked {
    fn send(&self, record: &Outgoing, ack: Ack) {
        self.inner.send(record, ack);
    }

    fn now(&self) -> UnixMillis {
        self.inner.now()
    }

    async fn subscribe(
        &self,
        subscription: Subscription,
        inlet: Box<dyn Inlet>,
    ) -> Result<Consumer, TransportError> {
        let inner = self.inner.subscribe(subscription, inlet).await?;
        let next = self.next.clone();
        Ok(Consumer::new(Arc::new(Marks { inner, next })))
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

struct Marks {
    inner: Consumer,
    next: watch::Sender<i64>,
}

#[async_trait]
impl ConsumerControl for Marks {
    fn pause(&self, partitions: Vec<TopicPartition>) {
        self.inner.pause(partitions);
    }

    fn resume(&self, partitions: Vec<TopicPartition>) {
        self.inner.resume(partitions);
    }

    fn store(&self, offsets: &[(TopicPartition, i64)]) {
        self.inner.store(offsets);
        if let Some((_, next)) = offsets.last() {
            self.next.send_replace(*next);
        }
    }

    async fn commit(&self, offsets: &[(TopicPartition, i64)]) -> Result<(), TransportError> {
        self.inner.commit(offsets).await
    }

    async fn close(&self, within: Duration) {
        self.inner.close(within).await;
    }
}
