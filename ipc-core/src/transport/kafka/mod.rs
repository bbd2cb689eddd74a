//! The real transport, on librdkafka.
//!
//! One owner thread per consumer polls and runs rebalance callbacks; one
//! producer with its own polling thread serves a whole transport. Nothing here
//! blocks a tokio worker.

mod config;
mod consumer;
mod context;
mod convert;
mod producer;
mod topology;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use config::KafkaConfig;
pub use topology::CreateTopics;

use super::{
    Ack, Consumer, Inlet, Outgoing, Start, Subscription, TopicPartition, TopicSpec, TopicState,
    Transport, TransportError,
};
use producer::Producer;

/// A connection to a Kafka cluster.
pub struct KafkaTransport {
    config: KafkaConfig,
    producer: Arc<Producer>,
}

impl KafkaTransport {
    /// Makes the producer and asks the cluster for its metadata, which proves
    /// that it is there and warms the connection up.
    ///
    /// # Errors
    ///
    /// When a property is refused, or when no broker answers within the
    /// configuration's start-up bound (5 s by default).
    ///
    /// # Cancel safety
    ///
    /// Safe: the half-made connection is closed in the background.
    pub async fn connect(config: KafkaConfig) -> Result<Self, TransportError> {
        let producer = Arc::new(Producer::new(&config)?);
        topology::probe(&producer, &config).await?;
        Ok(Self { config, producer })
    }
}

#[async_trait]
impl Transport for KafkaTransport {
    fn send(&self, record: &Outgoing, ack: Ack) {
        self.producer.send(record, ack);
    }

    async fn subscribe(
        &self,
        subscription: Subscription,
        inlet: Box<dyn Inlet>,
    ) -> Result<Consumer, TransportError> {
        consumer::subscribe(&self.config, subscription, inlet).await
    }

    async fn read(
        &self,
        from: TopicPartition,
        start: Start,
        inlet: Box<dyn Inlet>,
    ) -> Result<Consumer, TransportError> {
        consumer::read(&self.config, from, start, inlet).await
    }

    async fn topics(&self, names: &[Arc<str>]) -> Result<Vec<Option<TopicState>>, TransportError> {
        topology::states(&self.producer, &self.config, names).await
    }

    async fn create_topics(&self, topics: &[TopicSpec]) -> Result<(), TransportError> {
        self.config
            .topic_creator()
            .create(&self.config, topics)
            .await
    }

    async fn flush(&self, within: Duration) -> Result<(), TransportError> {
        producer::flush(Arc::clone(&self.producer), within).await
    }
}

impl Drop for KafkaTransport {
    /// Dropping a librdkafka producer blocks until its queue is purged, so it
    /// happens on a thread of its own.
    fn drop(&mut self) {
        let producer = Arc::clone(&self.producer);
        producer::drop_in_background(producer);
    }
}

impl std::fmt::Debug for KafkaTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaTransport")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
