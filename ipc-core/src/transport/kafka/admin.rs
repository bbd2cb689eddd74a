//! Making topics, and seeing how they are kept.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResourceResult, NewTopic, OwnedResourceSpecifier,
    ResourceSpecifier, TopicReplication,
};
use rdkafka::error::RDKafkaErrorCode;

use super::config::{KafkaConfig, Role};
use super::error::{named, refused};
use super::hooks::Hooks;
use super::kept::Kept;
use super::leaders;
use super::topics::principal;
use crate::transport::{Cleanup, TopicSpec, TopologyPlan, TransportError};

/// A way to make topics, and to see how they are kept. Kafka's admin API is one; the
/// embedded broker, which has no admin API, brings its own.
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

    /// What becomes of the old records of these topics, as far as that can be known: who
    /// may use a topic may not be allowed to see its settings. Default: nothing is known.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is changed.
    async fn cleanups(
        &self,
        config: &KafkaConfig,
        topics: &[Arc<str>],
    ) -> BTreeMap<Arc<str>, Cleanup> {
        let _ = (config, topics);
        BTreeMap::new()
    }
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
        // rdkafka 0.39 never asks its admin client's context for a token.
        if config.has_tokens() {
            let plan = topics
                .iter()
                .cloned()
                .fold(TopologyPlan::new(), TopologyPlan::topic);
            return Err(TransportError::configuration(format!(
                "topics cannot be made over SASL OAUTHBEARER, the Kafka client lacks it; make them by hand:\n{}",
                plan.to_commands(config.bootstrap(), &principal(config))
            )));
        }
        for topic in topics {
            named(&topic.name)?;
        }
        let admin = admin(config).await?;
        let new: Vec<NewTopic<'_>> = topics.iter().map(new_topic).collect();
        let bound = config.startup_bound();
        let options = within(bound);
        let results = admin
            .create_topics(&new, &options)
            .await
            .map_err(|error| TransportError::unreachable(format!("topics not created: {error}")))?;
        let is_new = |topic: &&TopicSpec| results.iter().flatten().any(|new| **new == *topic.name);
        leaders::wait(admin, topics.iter().filter(is_new).collect(), bound).await;
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

    async fn cleanups(
        &self,
        config: &KafkaConfig,
        topics: &[Arc<str>],
    ) -> BTreeMap<Arc<str>, Cleanup> {
        if topics.is_empty() || config.has_tokens() {
            return BTreeMap::new();
        }
        let asked: Vec<_> = topics
            .iter()
            .map(|topic| ResourceSpecifier::Topic(topic))
            .collect();
        let described = async {
            let admin = admin(config).await?;
            let described = admin.describe_configs(&asked, &within(config.startup_bound()));
            described.await.map_err(|error| refused(&error))
        };
        match described.await {
            Ok(described) => described.into_iter().filter_map(cleanup_of).collect(),
            Err(error) => {
                tracing::debug!(%error, "how topics are cleaned up was not told");
                BTreeMap::new()
            }
        }
    }
}

async fn admin(config: &KafkaConfig) -> Result<Kept<AdminClient<Hooks>>, TransportError> {
    let client = config.client(Role::Admin);
    Kept::make(move || {
        client
            .create_with_context(Hooks::default())
            .map_err(|error| refused(&error))
    })
    .await
}

fn within(bound: Duration) -> AdminOptions {
    AdminOptions::new()
        .operation_timeout(Some(bound))
        .request_timeout(Some(bound))
}

/// A topic whose settings may not be seen is left out.
fn cleanup_of(described: ConfigResourceResult) -> Option<(Arc<str>, Cleanup)> {
    let described = described.ok()?;
    let policy = described.get(Cleanup::SETTING)?.value.as_deref()?;
    let cleanup = Cleanup::of(policy);
    match described.specifier {
        OwnedResourceSpecifier::Topic(topic) => Some((Arc::from(topic), cleanup)),
        _ => None,
    }
}

fn new_topic(spec: &TopicSpec) -> NewTopic<'_> {
    let replication = TopicReplication::Fixed(spec.replication);
    let topic = NewTopic::new(&spec.name, spec.partitions, replication);
    spec.settings
        .iter()
        .fold(topic, |topic, (name, value)| topic.set(name, value))
}
