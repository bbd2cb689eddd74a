//! A transport that tells each record it carries.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ipc_core::transport::{
    Ack, Consumer, Event, Inlet, Outgoing, Start, Subscription, Tap, TopicPartition, Transport,
    TransportDecorator, TransportError,
};
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use crate::hops::{Hops, Way};

/// The transport of one part of the system.
pub(crate) struct Watched<T> {
    inner: T,
    who: &'static str,
    hops: Hops,
    runtime: Handle,
    /// Each passes one acknowledgement on.
    acks: TaskTracker,
}

impl<T> Watched<T> {
    /// Tells what `inner` carries for `who`. Must be called on a runtime.
    pub(crate) fn new(inner: T, who: &'static str, hops: Hops) -> Self {
        Self {
            inner,
            who,
            hops,
            runtime: Handle::current(),
            acks: TaskTracker::new(),
        }
    }

    fn inlet(&self, inner: Box<dyn Inlet>) -> Box<dyn Inlet> {
        let (who, hops) = (self.who, self.hops.clone());
        Box::new(Tap::new(inner, move |event| {
            if let Event::Records(records) = &event {
                for record in records {
                    if let Some(hop) = hops.of(&record.envelope.headers) {
                        let place = format!("{}@{}", record.origin.partition, record.origin.offset);
                        hops.over_kafka(who, Way::FromLog, &place, &hop);
                    }
                }
            }
            event
        }))
    }
}

#[async_trait]
impl<T: Transport> TransportDecorator for Watched<T> {
    fn inner(&self) -> &dyn Transport {
        &self.inner
    }

    fn send(&self, record: &Outgoing, ack: Ack) {
        let Some(hop) = self.hops.of(&record.envelope.headers) else {
            return self.inner.send(record, ack);
        };
        let (settled, receipt) = Ack::pair();
        self.inner.send(record, settled);
        let (who, hops, topic) = (self.who, self.hops.clone(), Arc::clone(&record.topic));
        let tell = async move {
            let result = receipt.await;
            if let Ok(placed) = &result {
                let place = format!("{topic}[{}]@{}", placed.partition, placed.offset);
                hops.over_kafka(who, Way::ToLog, &place, &hop);
            }
            ack.settle(result);
        };
        self.acks.spawn_on(tell, &self.runtime);
    }

    async fn subscribe(
        &self,
        subscription: Subscription,
        inlet: Box<dyn Inlet>,
    ) -> Result<Consumer, TransportError> {
        self.inner.subscribe(subscription, self.inlet(inlet)).await
    }

    async fn read(
        &self,
        from: TopicPartition,
        start: Start,
        inlet: Box<dyn Inlet>,
    ) -> Result<Consumer, TransportError> {
        self.inner.read(from, start, self.inlet(inlet)).await
    }

    async fn flush(&self, within: Duration) -> Result<(), TransportError> {
        self.inner.flush(within).await?;
        // What is settled below is passed on at once.
        self.acks.close();
        self.acks.wait().await;
        self.acks.reopen();
        Ok(())
    }
}
