//! Which topics there are, and making those that are missing.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;

use super::config::{KafkaConfig, Role};
use super::context::refused;
use super::producer::Producer;
use crate::transport::{TopicSpec, TopicState, TransportError};

/// A way to make topics. Kafka's admin API is one; the embedded broker, which
/// has no admin API, brings its own.
#[async_trait]
pub trait CreateTopics: Send + Sync {
    /// Makes the topics that do not exist yet.
    ///
    /// # Errors
    ///
    /// When one cannot be made; the message names every one.
    ///
    /// # Cancel safety
    ///
    /// Topics may or may not exist afterwards.
    async fn create(
        &self,
        config: &KafkaConfig,
        topics: &[TopicSpec],
    ) -> Result<(), TransportError>;
}

/// Kafka's admin API.
pub(super) struct AdminApi;

#[async_trait]
impl CreateTopics for AdminApi {
    async fn create(
        &self,
        config: &KafkaConfig,
        topics: &[TopicSpec],
    ) -> Result<(), TransportError> {
        let admin: AdminClient<DefaultClientContext> = config
            .client(Role::Admin)
            .create()
            .map_err(|error| refused(&error))?;
        let new: Vec<NewTopic<'_>> = topics.iter().map(new_topic).collect();
        let options = AdminOptions::new().operation_timeout(Some(config.startup_bound()));
        let results = admin
            .create_topics(&new, &options)
            .await
            .map_err(|error| TransportError::unreachable(format!("topics not created: {error}")))?;
        let faults: Vec<String> = results
            .into_iter()
            .filter_map(Result::err)
            .filter(|(_, code)| *code != RDKafkaErrorCode::TopicAlreadyExists)
            .map(|(topic, code)| format!("{topic}: {code}"))
            .collect();
        if faults.is_empty() {
            Ok(())
        } else {
            let faults = faults.join("; ");
            Err(TransportError::other(format!(
                "topics not created: {faults}"
            )))
        }
    }
}

fn new_topic(spec: &TopicSpec) -> NewTopic<'_> {
    let replication = TopicReplication::Fixed(spec.replication);
    let topic = NewTopic::new(&spec.name, spec.partitions, replication);
    spec.settings
        .iter()
        .fold(topic, |topic, (name, value)| topic.set(name, value))
}

/// Proves that a broker answers.
pub(super) async fn probe(
    producer: &Arc<Producer>,
    config: &KafkaConfig,
) -> Result<(), TransportError> {
    partition_counts(producer, config).await.map(drop)
}

pub(super) async fn states(
    producer: &Arc<Producer>,
    config: &KafkaConfig,
    names: &[Arc<str>],
) -> Result<Vec<Option<TopicState>>, TransportError> {
    let counts = partition_counts(producer, config).await?;
    let state = |name: &Arc<str>| {
        counts.get(&**name).map(|partitions| TopicState {
            name: Arc::clone(name),
            partitions: *partitions,
        })
    };
    Ok(names.iter().map(state).collect())
}

/// Asks for all topics: asking for one by name would make it on a cluster that
/// creates topics on demand.
async fn partition_counts(
    producer: &Arc<Producer>,
    config: &KafkaConfig,
) -> Result<HashMap<String, i32>, TransportError> {
    let producer = Arc::clone(producer);
    let bound = config.startup_bound();
    let asked = tokio::task::spawn_blocking(move || producer.client().fetch_metadata(None, bound));
    match asked.await {
        Ok(Ok(metadata)) => Ok(metadata
            .topics()
            .iter()
            .map(|topic| {
                let partitions = i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX);
                (topic.name().to_owned(), partitions)
            })
            .collect()),
        Ok(Err(error)) => Err(TransportError::unreachable(format!(
            "no Kafka broker answered at {} within {bound:?} ({error}): \
             check KAFKA_BOOTSTRAP_SERVERS and that the broker is up",
            config.bootstrap()
        ))),
        Err(_) => Err(TransportError::other("asking for metadata was interrupted")),
    }
}
