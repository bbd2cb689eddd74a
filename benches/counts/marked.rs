use std::sync::Arc;

use async_trait::async_trait;
use ipc_core::transport::memory::{MemoryCluster, MemoryTransport};
use ipc_core::transport::{
    Consumer, ConsumerDecorator, Inlet, Subscription, TopicPartition, Transport,
    TransportDecorator, TransportError,
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
impl TransportDecorator for Marked {
    fn inner(&self) -> &dyn Transport {
        &self.inner
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
}

struct Marks {
    inner: Consumer,
    next: watch::Sender<i64>,
}

impl ConsumerDecorator for Marks {
    fn inner(&self) -> &Consumer {
        &self.inner
    }

    fn store(&self, offsets: &[(TopicPartition, i64)]) {
        self.inner.store(offsets);
        if let Some((_, next)) = offsets.last() {
            self.next.send_replace(*next);
        }
    }
}
