//! Where the cluster is and how librdkafka is set up for request/reply.

mod addresses;
mod batching;
mod check;
mod defaults;
mod env;
mod fault;
mod property;
mod together;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use super::admin::{AdminApi, CreateTopics};
use super::tokens::TokenProvider;
use crate::transport::{StatsSink, TopicNames, TransportError};
pub use batching::Batching;
pub(super) use defaults::Role;
pub use fault::Fault as ConfigFault;

/// How to reach a Kafka cluster.
///
/// Every librdkafka property can be set by its own name, in code with
/// [`set`](Self::set) and in the environment as `KAFKA_` and the name with
/// underscores for dots (`KAFKA_SESSION_TIMEOUT_MS`); what is set wins over the
/// defaults of this crate. Mistakes are found when the transport connects, all
/// at once.
///
/// # Security
///
/// | wanted | properties |
/// |---|---|
/// | TLS | `security.protocol=ssl`, `ssl.ca.location` and the like |
/// | SASL PLAIN | `security.protocol=sasl_ssl`, `sasl.mechanism=PLAIN`, `sasl.username`, `sasl.password` |
/// | SASL SCRAM | the same with `sasl.mechanism=SCRAM-SHA-512` or `SCRAM-SHA-256` |
/// | SASL OAUTHBEARER | `security.protocol=sasl_ssl` and a [`token_provider`](Self::token_provider) |
///
/// All but PLAIN over `sasl_plaintext` need this crate's feature `tls`.
#[derive(Clone)]
pub struct KafkaConfig {
    bootstrap: String,
    properties: BTreeMap<String, String>,
    batching: Batching,
    names: TopicNames,
    startup_timeout: Duration,
    creator: Arc<dyn CreateTopics>,
    tokens: Option<Arc<dyn TokenProvider>>,
    stats: Option<Arc<dyn StatsSink>>,
}

impl KafkaConfig {
    /// A cluster at `bootstrap`, a comma-separated list of `host:port`.
    #[must_use]
    pub fn new(bootstrap: impl Into<String>) -> Self {
        Self {
            bootstrap: bootstrap.into(),
            properties: BTreeMap::new(),
            batching: Batching::default(),
            names: TopicNames::default(),
            startup_timeout: Duration::from_secs(4),
            creator: Arc::new(AdminApi),
            tokens: None,
            stats: None,
        }
    }

    /// Reads the environment: `KAFKA_BOOTSTRAP_SERVERS`, `KAFKA_TOPIC_PREFIX`, and
    /// every other `KAFKA_<PROPERTY>` as the librdkafka property of that name.
    ///
    /// Variables that Kubernetes makes for a service called `kafka`
    /// (`KAFKA_PORT_9092_TCP` and the like) and those of Kafka's own scripts
    /// (`KAFKA_HOME`, `KAFKA_..._OPTS`) are left alone.
    ///
    /// # Errors
    ///
    /// When `KAFKA_BOOTSTRAP_SERVERS` is missing or any variable is wrong: one
    /// error lists every mistake with property, value and mend.
    pub fn from_env() -> Result<Self, TransportError> {
        env::read(std::env::vars_os())
    }

    /// The librdkafka property that an environment variable sets; `None` where it
    /// sets none. A name that librdkafka does not know is answered with dots for
    /// underscores: setting it is a mistake, which [`check`](Self::check) finds.
    #[must_use]
    pub fn property_of(variable: &str) -> Option<String> {
        env::property_of(variable)
    }

    /// Sets a librdkafka property by its own name.
    #[must_use]
    pub fn set(mut self, property: &str, value: impl ToString) -> Self {
        let property = defaults::canonical(property);
        if property == "bootstrap.servers" {
            self.bootstrap = value.to_string();
        } else {
            self.properties
                .insert(property.to_owned(), value.to_string());
        }
        self
    }

    /// Puts `prefix` before the name of every topic of ours, for clusters that
    /// several environments share. Default: none.
    #[must_use]
    pub fn topic_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.names = TopicNames::with_prefix(prefix);
        self
    }

    /// Gets tokens for SASL OAUTHBEARER from `provider`, and asks for that
    /// mechanism.
    #[must_use]
    pub fn token_provider(mut self, provider: Arc<dyn TokenProvider>) -> Self {
        self.tokens = Some(provider);
        self.set("sasl.mechanism", "OAUTHBEARER")
    }

    /// Reports every client's state to `sink` at the interval of
    /// [`statistics_interval`](Self::statistics_interval). Default: to the
    /// [`Metrics`](crate::metrics::Metrics) of the service or client that connects
    /// with this configuration; to nobody for a transport connected by hand.
    #[must_use]
    pub fn stats_sink(mut self, sink: Arc<dyn StatsSink>) -> Self {
        self.stats = Some(sink);
        self
    }

    /// Reports to `sink` where nobody else was named.
    #[must_use]
    pub(crate) fn or_stats_sink(mut self, sink: Arc<dyn StatsSink>) -> Self {
        self.stats.get_or_insert(sink);
        self
    }

    /// How often statistics are gathered: lag, round trips to brokers, queues.
    /// Default: never, because librdkafka spends time on it.
    #[must_use]
    pub fn statistics_interval(self, every: Duration) -> Self {
        self.set("statistics.interval.ms", every.as_millis())
    }

    /// How long [`connect`](super::KafkaTransport::connect) waits for a broker,
    /// and how long it may take to read metadata. Default: 4 s, so that a wrong
    /// address is told within 5. A transaction coordinator has 15 s at least: after a
    /// restart it has to load what it knows.
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

    /// The names of our topics, with the prefix set here.
    #[must_use]
    pub fn topic_names(&self) -> &TopicNames {
        &self.names
    }

    /// The consumer group set as `group.id`, for services that are to use another
    /// than their own name.
    #[must_use]
    pub fn group_id(&self) -> Option<&str> {
        self.property("group.id")
    }

    /// The principal of SASL PLAIN and SCRAM, where there is one.
    pub(super) fn principal(&self) -> Option<&str> {
        self.property("sasl.username")
    }

    pub(super) fn mechanism(&self) -> &str {
        self.property("sasl.mechanism").unwrap_or_default()
    }

    pub(super) fn has_tokens(&self) -> bool {
        self.tokens.is_some()
    }

    pub(super) fn tokens(&self) -> Option<Arc<dyn TokenProvider>> {
        self.tokens.clone()
    }

    pub(super) fn stats(&self) -> Option<Arc<dyn StatsSink>> {
        self.stats.clone()
    }

    pub(super) fn startup_bound(&self) -> Duration {
        self.startup_timeout
    }

    pub(super) fn topic_creator(&self) -> &dyn CreateTopics {
        &*self.creator
    }

    /// How many records may wait to be sent.
    pub(super) fn queue_limit(&self) -> usize {
        let client = self.client(Role::Producer);
        let limit = client.get("queue.buffering.max.messages");
        // What cannot be read has been refused by librdkafka before.
        limit.and_then(|limit| limit.parse().ok()).unwrap_or(0)
    }

    /// Librdkafka's configuration for one kind of client.
    pub(super) fn client(&self, role: Role) -> ClientConfig {
        let mut client = defaults::defaults(role, self.property("group.protocol"));
        for (property, value) in &self.properties {
            client.set(property, value);
        }
        for (property, value) in defaults::fixed(role) {
            client.set(*property, *value);
        }
        // rdkafka sets the level again after the properties.
        if let Some(level) = self.property("log_level") {
            client.set_log_level(syslog_level(level));
        }
        client.set("bootstrap.servers", &self.bootstrap);
        client
    }

    fn property(&self, name: &str) -> Option<&str> {
        self.properties.get(name).map(String::as_str)
    }
}

fn syslog_level(level: &str) -> RDKafkaLogLevel {
    use RDKafkaLogLevel as Level;
    match level.trim() {
        "0" => Level::Emerg,
        "1" => Level::Alert,
        "2" => Level::Critical,
        "3" => Level::Error,
        "4" => Level::Warning,
        "5" => Level::Notice,
        "6" => Level::Info,
        _ => Level::Debug,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn value(config: &KafkaConfig, role: Role, property: &str) -> String {
        let native = config.client(role).create_native_config().unwrap();
        native.get(property).unwrap()
    }

    #[test]
    fn what_is_set_wins_under_any_of_its_names() {
        let config = KafkaConfig::new("localhost:9092")
            .set("delivery.timeout.ms", 7000)
            .set("linger.ms", 3);
        assert_eq!(value(&config, Role::Producer, "message.timeout.ms"), "7000");
        assert_eq!(
            value(&config, Role::Producer, "queue.buffering.max.ms"),
            "3"
        );
        let config = config.set("metadata.broker.list", "other:9093");
        assert_eq!(config.bootstrap(), "other:9093");
    }

    #[test]
    fn a_reader_reads_what_open_transactions_would_hide() {
        let config = KafkaConfig::new("localhost:9092").set("isolation.level", "read_committed");
        let isolation = |role| value(&config, role, "isolation.level");
        assert_eq!(isolation(Role::Reader), "read_uncommitted");
        assert_eq!(isolation(Role::Group), "read_committed");
    }

    #[test]
    fn the_new_group_protocol_is_told_nothing_it_refuses() {
        let config = KafkaConfig::new("localhost:9092").set("group.protocol", "consumer");
        let client = config.client(Role::Group);
        for refused in [
            "session.timeout.ms",
            "heartbeat.interval.ms",
            "partition.assignment.strategy",
        ] {
            assert_eq!(client.get(refused), None);
        }
    }

    #[test]
    fn values_are_not_shown() {
        let config = KafkaConfig::new("localhost:9092").set("sasl.password", "s3cret");
        assert!(!format!("{config:?}").contains("s3cret"));
    }
}
