//! Reading the topic of operations for as long as the gateway serves.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use futures_util::future::BoxFuture;
use ipc_core::health::{Health, InboxHealth, Role};
use ipc_core::transport::{Consumer, Start, TopicPartition, TopicSpec, Transport, TransportError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::follower::{Follower, Reading};
use super::{Link, Operations};
use crate::config::Config;

/// Between two attempts to reach the cluster.
const RECONNECT: Duration = Duration::from_secs(1);
/// How long the end of the reading may take.
const CLOSE: Duration = Duration::from_secs(1);

/// How a cluster is reached.
pub(crate) type Connect =
    Arc<dyn Fn() -> BoxFuture<'static, Result<Arc<dyn Transport>, TransportError>> + Send + Sync>;

/// Has the operations of a fleet read.
pub(crate) struct Keeper {
    connect: Connect,
    operations: Arc<Operations>,
    fleet: String,
    keep: Duration,
    may_create: bool,
    health: InboxHealth,
    /// Where the cluster was reached at once.
    readers: Option<Readers>,
}

struct Readers {
    consumers: Vec<Consumer>,
    reading: Arc<Reading>,
}

impl Keeper {
    /// Begins to read. A cluster that is away is no error: it is tried for, and nothing is
    /// accepted meanwhile.
    ///
    /// # Errors
    ///
    /// Where the configuration cannot work, or the topic is missing.
    pub(crate) async fn begin(
        connect: Connect,
        config: &Config,
        operations: Arc<Operations>,
        health: &Health,
    ) -> Result<Self, TransportError> {
        let names = config.kafka_config();
        let topic = names.topic_names().operations(&config.fleet);
        let mut this = Self {
            connect,
            operations,
            fleet: config.fleet.clone(),
            keep: config.operations.keep,
            may_create: config.reply_partitions.is_some(),
            health: health.inbox(topic, Role::Serves),
            readers: None,
        };
        this.health.not_ready("the operations are not read yet");
        match this.read().await {
            Ok(readers) => this.readers = Some(readers),
            Err(error) if error.is_configuration() || error.is_missing_topic() => {
                return Err(error);
            }
            Err(error) => this.is_away(&error),
        }
        Ok(this)
    }

    /// Reads until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let readers = stop.run_until_cancelled(async {
            loop {
                if let Some(readers) = self.readers.take() {
                    readers.reading.caught_up.notified().await;
                    self.health.ready();
                    return readers;
                }
                tokio::time::sleep(RECONNECT).await;
                match self.read().await {
                    Ok(readers) => self.readers = Some(readers),
                    Err(error) => self.is_away(&error),
                }
            }
        });
        let Some(readers) = readers.await else { return };
        stop.cancelled().await;
        for consumer in readers.consumers {
            consumer.close(CLOSE).await;
        }
    }

    async fn read(&self) -> Result<Readers, TransportError> {
        let transport = (self.connect)().await?;
        let topic = transport.topic_names().operations(&self.fleet);
        let partitions = self.partitions(&*transport, &topic).await?;
        let reading = Arc::new(Reading {
            behind: AtomicUsize::new(usize::try_from(partitions).unwrap_or_default()),
            caught_up: Notify::new(),
        });
        let mut consumers = Vec::new();
        for partition in 0..partitions {
            let place = TopicPartition {
                topic: Arc::clone(&topic),
                partition,
            };
            let follower = Follower {
                ledger: Arc::clone(&self.operations.ledger),
                reading: Arc::clone(&reading),
                at_end: false,
            };
            let read = transport.read(place, Start::Beginning, Box::new(follower));
            consumers.push(read.await?);
        }
        self.operations.link.store(Some(Arc::new(Link {
            transport,
            topic,
            partitions,
        })));
        Ok(Readers { consumers, reading })
    }

    /// How many partitions the topic has, which is made where it may be.
    async fn partitions(
        &self,
        transport: &dyn Transport,
        topic: &Arc<str>,
    ) -> Result<i32, TransportError> {
        let names = std::slice::from_ref(topic);
        if let Some(state) = transport.topics(names).await?.into_iter().flatten().next() {
            return Ok(state.partitions);
        }
        // What a request was accepted by must outlast its answer.
        let retention = self.keep.as_millis().saturating_mul(2).to_string();
        if !self.may_create {
            return Err(TransportError::missing_topic(format!(
                "routes accept requests, and topic {topic}, where they are answered, does not \
                 exist: kafka-topics.sh --create --topic {topic} --partitions 1 --config \
                 retention.ms={retention}"
            )));
        }
        let mut spec = TopicSpec::new(Arc::clone(topic), 1);
        let settings = [
            ("cleanup.policy", "delete"),
            ("retention.ms", retention.as_str()),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        spec.settings.extend(settings);
        transport.create_topics(&[spec]).await?;
        Ok(1)
    }

    fn is_away(&self, error: &TransportError) {
        tracing::warn!(%error, "nothing is accepted to be answered later; Kafka is tried for");
        self.health.not_ready(error.to_string());
    }
}
