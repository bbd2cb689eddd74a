//! Where the cluster is and how librdkafka is set up for request/reply.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;

use super::topology::{AdminApi, CreateTopics};
use crate::transport::TransportError;

/// Settings shared by every client, where librdkafka's own defaults cost latency.
const SHARED: &[(&str, &str)] = &[
    ("socket.timeout.ms", "10000"),
    ("socket.connection.setup.timeout.ms", "5000"),
    ("reconnect.backoff.ms", "20"),
    ("reconnect.backoff.max.ms", "1000"),
    ("topic.metadata.refresh.interval.ms", "30000"),
    ("allow.auto.create.topics", "false"),
];

const PRODUCER: &[(&str, &str)] = &[
    ("linger.ms", "0"),
    ("enable.idempotence", "true"),
    ("acks", "all"),
    // As the Java client: one key has one partition for every caller.
    ("partitioner", "murmur2_random"),
    ("message.timeout.ms", "30000"),
];

const CONSUMER: &[(&str, &str)] = &[
    ("fetch.wait.max.ms", "100"),
    ("fetch.queue.backoff.ms", "5"),
    // Offsets are stored by dispatch, after the work.
    ("enable.auto.offset.store", "false"),
];

const GROUP: &[(&str, &str)] = &[
    ("enable.auto.commit", "true"),
    ("auto.commit.interval.ms", "1000"),
    ("auto.offset.reset", "earliest"),
    ("partition.assignment.strategy", "cooperative-sticky"),
    ("max.poll.interval.ms", "60000"),
    ("session.timeout.ms", "6000"),
    ("heartbeat.interval.ms", "250"),
];

const READER: &[(&str, &str)] = &[
    ("enable.auto.commit", "false"),
    ("auto.offset.reset", "earliest"),
];

/// What a librdkafka client is made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    Producer,
    Group,
    Reader,
    Admin,
}

/// How to reach a Kafka cluster.
///
/// Every librdkafka property can be set by its own name; what is set wins over
/// the defaults of this crate.
#[derive(Clone)]
pub struct KafkaConfig {
    bootstrap: String,
    properties: BTreeMap<String, String>,
    startup_timeout: Duration,
    creator: Arc<dyn CreateTopics>,
}

impl KafkaConfig {
    /// A cluster at `bootstrap`, a comma-separated list of `host:port`.
    #[must_use]
    pub fn new(bootstrap: impl Into<String>) -> Self {
        Self {
            bootstrap: bootstrap.into(),
            properties: BTreeMap::new(),
            startup_timeout: Duration::from_secs(5),
            creator: Arc::new(AdminApi),
        }
    }

    /// Reads `KAFKA_BOOTSTRAP_SERVERS`, and every other `KAFKA_<PROPERTY>` as the
    /// librdkafka property of that name with underscores for dots.
    ///
    /// # Errors
    ///
    /// When `KAFKA_BOOTSTRAP_SERVERS` is not set.
    pub fn from_env() -> Result<Self, TransportError> {
        Self::from_variables(std::env::vars())
    }

    fn from_variables(
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, TransportError> {
        let mut properties: BTreeMap<String, String> = variables
            .filter_map(|(name, value)| {
                let property = name.strip_prefix("KAFKA_")?;
                Some((property.to_ascii_lowercase().replace('_', "."), value))
            })
            .collect();
        let bootstrap = properties.remove("bootstrap.servers").ok_or_else(|| {
            TransportError::configuration(
                "KAFKA_BOOTSTRAP_SERVERS is not set: name the cluster as host:port[,host:port]",
            )
        })?;
        Ok(Self {
            properties,
            ..Self::new(bootstrap)
        })
    }

    /// Sets a librdkafka property by its own name.
    #[must_use]
    pub fn set(mut self, property: &str, value: impl ToString) -> Self {
        self.properties
            .insert(property.to_owned(), value.to_string());
        self
    }

    /// How long [`connect`](super::KafkaTransport::connect) waits for a broker.
    /// Default: 5 s.
    #[must_use]
    pub fn startup_timeout(mut self, within: Duration) -> Self {
        self.startup_timeout = within;
        self
    }

    /// Replaces the admin API as the way topics are made.
    #[must_use]
    pub fn create_topics_with(mut self, creator: Arc<dyn CreateTopics>) -> Self {
        self.creator = creator;
        self
    }

    /// The addresses this configuration names.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    pub(super) fn startup_bound(&self) -> Duration {
        self.startup_timeout
    }

    pub(super) fn topic_creator(&self) -> &dyn CreateTopics {
        &*self.creator
    }

    pub(super) fn client(&self, role: Role) -> ClientConfig {
        let tables: &[&[(&str, &str)]] = match role {
            Role::Producer => &[SHARED, PRODUCER],
            Role::Group => &[SHARED, CONSUMER, GROUP],
            Role::Reader => &[SHARED, CONSUMER, READER],
            Role::Admin => &[SHARED],
        };
        let mut client = ClientConfig::new();
        for (property, value) in tables.iter().copied().flatten() {
            client.set(*property, *value);
        }
        for (property, value) in &self.properties {
            client.set(property, value);
        }
        client.set("bootstrap.servers", &self.bootstrap);
        client
    }
}

/// Values may be secrets, so only property names are shown.
impl fmt::Debug for KafkaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaConfig")
            .field("bootstrap", &self.bootstrap)
            .field("properties", &self.properties.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
