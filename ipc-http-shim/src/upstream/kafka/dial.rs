//! Reaching the cluster, at once or in the end.

use std::sync::Arc;
use std::time::Duration;

use ipc_core::client::Client;
use ipc_core::health::{Health, InboxHealth, Role};
use ipc_core::metrics::Metrics;
use ipc_core::transport::TransportError;
use ipc_core::transport::kafka::KafkaConfig;
use parking_lot::Mutex;

use crate::config::Config;

/// Between two attempts to reach the cluster.
const RECONNECT: Duration = Duration::from_secs(1);

/// The way to the cluster, as far as it goes.
pub(super) enum Link {
    Up(Client),
    /// Why there is no client yet.
    Down(String),
}

/// How to make a client.
pub(super) struct Dial {
    kafka: KafkaConfig,
    fleet: String,
    timeout: Duration,
    reply_partitions: Option<i32>,
    metrics: Metrics,
    health: Health,
}

impl Dial {
    pub(super) fn new(
        config: &Config,
        metrics: Metrics,
        health: Health,
    ) -> Result<Self, TransportError> {
        if config.kafka.bootstrap().is_none() {
            return Err(TransportError::configuration(
                "no Kafka cluster is named: set \"bootstrap.servers\" in [kafka], \
                 or KAFKA_BOOTSTRAP_SERVERS",
            ));
        }
        Ok(Self {
            kafka: config.kafka_config(),
            fleet: config.fleet.clone(),
            timeout: config.timeout,
            reply_partitions: config.reply_partitions,
            metrics,
            health,
        })
    }

    pub(super) async fn connect(&self) -> Result<Client, TransportError> {
        let mut client = Client::builder(&self.fleet)
            .timeout(self.timeout)
            .metrics(self.metrics.clone())
            .health(self.health.clone(), Role::Serves);
        if let Some(partitions) = self.reply_partitions {
            client = client.create_topics(partitions);
        }
        let connected = client.connect_kafka(self.kafka.clone()).await;
        connected.map_err(|error| match error {
            missing if missing.is_missing_topic() => TransportError::missing_topic(format!(
                "{missing}; a gateway does so with reply_partitions = 12 in its configuration"
            )),
            other => other,
        })
    }

    /// The report of an inbox that cannot be had yet.
    pub(super) fn missing_inbox(&self, why: &TransportError) -> InboxHealth {
        let topic = self.kafka.topic_names().replies(&self.fleet);
        let inbox = self.health.inbox(topic, Role::Serves);
        inbox.not_ready(why.to_string());
        inbox
    }

    /// Tries until it succeeds; `missing` counts until then.
    pub(super) async fn keep_trying(self, link: Arc<Mutex<Link>>, missing: InboxHealth) {
        loop {
            tokio::time::sleep(RECONNECT).await;
            match self.connect().await {
                Ok(client) => {
                    tracing::info!("Kafka is reached; all routes are served");
                    *link.lock() = Link::Up(client);
                    return;
                }
                Err(error) => {
                    let reason = error.to_string();
                    missing.not_ready(reason.clone());
                    *link.lock() = Link::Down(reason);
                }
            }
        }
    }
}
