//! Which topics there are.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::{KafkaResult, RDKafkaErrorCode};
use rdkafka::metadata::{Metadata, MetadataTopic};
use tokio::task::JoinError;
use tokio::time::{Instant, sleep};

use super::config::KafkaConfig;
use super::error::named;
use super::kept::Kept;
use super::producer::Producer;
use super::trouble::unanswered;
use crate::transport::{Found, TopicSpec, TopicState, TopologyPlan, TransportError};

/// Between two looks for topics that were made.
const LOOK: Duration = Duration::from_millis(20);

/// Proves that a broker answers.
pub(super) async fn probe(
    producer: &Arc<Kept<Producer>>,
    config: &KafkaConfig,
) -> Result<(), TransportError> {
    partition_counts(producer, config).await.map(drop)
}

pub(super) async fn states(
    producer: &Arc<Kept<Producer>>,
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

/// How many partitions a topic has; `None` if that cannot be told within the bound.
pub(super) async fn size(
    producer: &Arc<Kept<Producer>>,
    topic: &Arc<str>,
    bound: Duration,
) -> Option<i32> {
    let metadata = ask(producer, Some(topic), bound).await.ok()?.ok()?;
    let topic = metadata.topics().first();
    topic.filter(|topic| topic.error().is_none()).map(count)
}

/// Waits until topics that were made can be used: a broker answers for the
/// controller that made them before it has heard of them itself.
pub(super) async fn appeared(
    producer: &Arc<Kept<Producer>>,
    config: &KafkaConfig,
    made: &[TopicSpec],
) -> Result<(), TransportError> {
    let until = Instant::now() + config.startup_bound();
    loop {
        let metadata = metadata(producer, config, None).await?;
        let unseen: Vec<&str> = made
            .iter()
            .map(|topic| &*topic.name)
            .filter(|name| !is_led(&metadata, name))
            .collect();
        if unseen.is_empty() {
            return Ok(());
        }
        if Instant::now() >= until {
            return Err(TransportError::unreachable(format!(
                "topics made, but without a leader after {:?}: {}: check that the brokers are up",
                config.startup_bound(),
                unseen.join(", ")
            )));
        }
        sleep(LOOK).await;
    }
}

fn is_led(metadata: &Metadata, name: &str) -> bool {
    let topic = metadata.topics().iter().find(|topic| topic.name() == name);
    topic.is_some_and(|topic| {
        let partitions = topic.partitions();
        !partitions.is_empty() && partitions.iter().all(|partition| partition.leader() >= 0)
    })
}

/// Compares a plan with the cluster.
pub(super) async fn check(
    producer: &Arc<Kept<Producer>>,
    config: &KafkaConfig,
    plan: &TopologyPlan,
) -> Result<(), TransportError> {
    let counts = partition_counts(producer, config).await?;
    let ours = plan.topics().iter().filter(|spec| spec.cleanup().is_some());
    let ours = ours.map(|spec| Arc::clone(&spec.name));
    let ours: Vec<_> = ours.filter(|name| counts.contains_key(&**name)).collect();
    let cleanups = config.topic_creator().cleanups(config, &ours).await;
    let mut found = BTreeMap::new();
    for name in plan.topic_names() {
        let state = match counts.get(&*name) {
            Some(partitions) => Found::Topic {
                partitions: *partitions,
                cleanup: cleanups.get(&name).copied(),
            },
            // The list holds only what we may see.
            None => unlisted(producer, config, &name).await?,
        };
        found.insert(name, state);
    }
    let shortfall = plan.shortfall(&found);
    if shortfall.is_empty() {
        return Ok(());
    }
    Err(TransportError::missing_topic(
        shortfall.explain(config.bootstrap(), &principal(config)),
    ))
}

pub(super) fn principal(config: &KafkaConfig) -> String {
    config.principal().map_or_else(
        || "User:<your principal>".to_owned(),
        |user| format!("User:{user}"),
    )
}

async fn unlisted(
    producer: &Arc<Kept<Producer>>,
    config: &KafkaConfig,
    name: &Arc<str>,
) -> Result<Found, TransportError> {
    named(name)?;
    let metadata = metadata(producer, config, Some(name)).await?;
    let state = metadata.topics().first().and_then(state_of);
    Ok(state.unwrap_or(Found::Nothing))
}

/// What stands in the way of using a topic; other errors pass with time.
fn state_of(topic: &MetadataTopic) -> Option<Found> {
    use RDKafkaErrorCode as Code;
    match topic.error().map(Code::from)? {
        Code::TopicAuthorizationFailed => Some(Found::Forbidden),
        Code::UnknownTopic | Code::UnknownTopicOrPartition => Some(Found::Nothing),
        _ => None,
    }
}

async fn partition_counts(
    producer: &Arc<Kept<Producer>>,
    config: &KafkaConfig,
) -> Result<HashMap<String, i32>, TransportError> {
    let metadata = metadata(producer, config, None).await?;
    let known = metadata
        .topics()
        .iter()
        .filter(|topic| state_of(topic).is_none());
    Ok(known
        .map(|topic| (topic.name().to_owned(), count(topic)))
        .collect())
}

fn count(topic: &MetadataTopic) -> i32 {
    i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX)
}

/// Asks for one topic or, at no risk to make one, for all.
async fn metadata(
    producer: &Arc<Kept<Producer>>,
    config: &KafkaConfig,
    topic: Option<&Arc<str>>,
) -> Result<Metadata, TransportError> {
    match ask(producer, topic, config.startup_bound()).await {
        Ok(Ok(metadata)) => Ok(metadata),
        Ok(Err(error)) => Err(unanswered(config, producer.trouble(), &error)),
        Err(_) => Err(TransportError::other("asking for metadata was interrupted")),
    }
}

async fn ask(
    producer: &Arc<Kept<Producer>>,
    topic: Option<&Arc<str>>,
    bound: Duration,
) -> Result<KafkaResult<Metadata>, JoinError> {
    let asking = Arc::clone(producer);
    let topic = topic.cloned();
    tokio::task::spawn_blocking(move || asking.client().fetch_metadata(topic.as_deref(), bound))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Transport as _;
    use crate::transport::kafka::KafkaTransport;
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::RDKafkaRespErr;

    #[tokio::test]
    async fn a_topic_that_may_not_be_seen_is_told_apart_from_one_that_is_missing() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("hidden", 1, 1).unwrap();
        let forbidden = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
        cluster.topic_error("hidden", forbidden).unwrap();
        let config = KafkaConfig::new(cluster.bootstrap_servers());
        let transport = KafkaTransport::connect(config).await.unwrap();
        let plan = TopologyPlan::new().writes("hidden").writes("missing");
        let error = transport.check(&plan).await.unwrap_err().to_string();
        for part in [
            "topic hidden may not be seen, Describe and Write needed",
            "--allow-principal 'User:<your principal>' --operation Describe --operation Write --topic hidden",
            "topic missing is missing",
        ] {
            assert!(error.contains(part), "{part} is not in: {error}");
        }
    }
}
