//! The real transport, on librdkafka.
//!
//! One owner thread per consumer polls and runs rebalance callbacks; the producers
//! of a transport, of which there is one until it is busy, have their own polling
//! threads. Nothing here blocks a tokio worker.

mod admin;
mod config;
mod consumer;
mod context;
mod convert;
mod error;
mod growth;
mod holds;
mod hooks;
mod hostile;
mod kept;
mod leaders;
mod lent;
mod logs;
mod notes;
mod offsets;
mod polled;
mod producer;
mod report;
mod statistics;
mod tokens;
mod topics;
mod transactions;
mod trouble;

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

pub use admin::CreateTopics;
pub use config::{Batching, ConfigFault, KafkaConfig};
pub use tokens::{Token, TokenProvider};

use super::{
    Ack, Consumer, Inlet, Outgoing, Start, Subscription, TopicNames, TopicPartition, TopicSpec,
    TopicState, TopologyPlan, Transport, TransportError,
};
use crate::envelope::UnixMillis;
use growth::Growth;
use hooks::Hooks;
use producer::Producers;
use tokens::Tokens;

/// A connection to a Kafka cluster.
///
/// Dropping it gives up what is not sent yet: [`flush`](Transport::flush) first.
pub struct KafkaTransport {
    config: KafkaConfig,
    hooks: Hooks,
    producers: Arc<Producers>,
}

impl KafkaTransport {
    /// Checks the configuration, makes the producer and asks the cluster for its
    /// metadata, which proves that it is there and warms the connection up.
    ///
    /// # Errors
    ///
    /// When the configuration has mistakes (all are listed), when no token can be
    /// had, or when no broker answers within the configuration's start-up bound
    /// (4 s by default); then the message says what the last attempt failed with.
    ///
    /// # Cancel safety
    ///
    /// Safe: the half-made connection is closed in the background.
    pub async fn connect(config: KafkaConfig) -> Result<Self, TransportError> {
        let checked = config.clone();
        tokio::task::spawn_blocking(move || checked.check())
            .await
            .map_err(|_| TransportError::other("checking the configuration was interrupted"))??;
        let tokens = match config.tokens() {
            Some(provider) => {
                Some(Tokens::start(provider, config.startup_bound(), SystemTime::now).await?)
            }
            None => None,
        };
        let hooks = Hooks::new(config.stats(), tokens);
        let producers = Producers::start(&config, &hooks).await?;
        topics::probe(producers.direct(), &config).await?;
        Ok(Self {
            config,
            hooks,
            producers,
        })
    }
}

#[async_trait]
impl Transport for KafkaTransport {
    fn send(&self, record: &Outgoing, ack: Ack) {
        self.producers.send(record, ack);
    }

    fn topic_names(&self) -> TopicNames {
        self.config.topic_names().clone()
    }

    async fn subscribe(
        &self,
        subscription: Subscription,
        inlet: Box<dyn Inlet>,
    ) -> Result<Consumer, TransportError> {
        let growth = Growth::new(self.producers.direct(), &self.config, &subscription.topics);
        consumer::subscribe(
            &self.config,
            self.hooks.clone(),
            subscription,
            growth,
            inlet,
        )
        .await
    }

    async fn read(
        &self,
        from: TopicPartition,
        start: Start,
        inlet: Box<dyn Inlet>,
    ) -> Result<Consumer, TransportError> {
        consumer::read(&self.config, self.hooks.clone(), from, start, inlet).await
    }

    async fn topics(&self, names: &[Arc<str>]) -> Result<Vec<Option<TopicState>>, TransportError> {
        topics::states(self.producers.direct(), &self.config, names).await
    }

    async fn written_since(
        &self,
        topic: &TopicState,
        since: UnixMillis,
    ) -> Result<Vec<u64>, TransportError> {
        offsets::written_since(&self.config, self.hooks.clone(), topic, since).await
    }

    async fn committed(
        &self,
        group: &str,
        topic: &TopicState,
    ) -> Result<Vec<Option<i64>>, TransportError> {
        offsets::committed(&self.config, self.hooks.clone(), group, topic).await
    }

    async fn held(&self, topic: &TopicState) -> Result<Vec<Range<i64>>, TransportError> {
        offsets::held(&self.config, self.hooks.clone(), topic).await
    }

    async fn create_topics(&self, topics: &[TopicSpec]) -> Result<(), TransportError> {
        self.config
            .topic_creator()
            .create(&self.config, topics)
            .await?;
        topics::appeared(self.producers.direct(), &self.config, topics).await
    }

    async fn check(&self, plan: &TopologyPlan) -> Result<(), TransportError> {
        topics::check(self.producers.direct(), &self.config, plan).await
    }

    async fn flush(&self, within: Duration) -> Result<(), TransportError> {
        Arc::clone(&self.producers).flush(within).await
    }
}

impl std::fmt::Debug for KafkaTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaTransport")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
