use anyhow::{Context, Result, anyhow};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::PATIENCE;

/// Makes topics with so many partitions each, with as many replicas as the cluster says.
pub(crate) fn create_topics(bootstrap: &str, topics: &[(&str, i32)]) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create()
        .context("no admin client")?;
    let topics = topics
        .iter()
        .map(|(name, partitions)| NewTopic::new(name, *partitions, TopicReplication::Fixed(-1)));
    let topics: Vec<_> = topics.collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let created = runtime.block_on(admin.create_topics(&topics, &AdminOptions::new()))?;
    for topic in created {
        topic.map_err(|(name, code)| anyhow!("topic {name} not created: {code}"))?;
    }
    Ok(())
}

/// How many replicas that topic has which has the fewest, of those whose names begin
/// with `prefix`.
pub(crate) fn fewest_replicas(bootstrap: &str, prefix: &str) -> Result<usize> {
    let asking: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create()
        .context("no consumer")?;
    let metadata = asking.fetch_metadata(None, PATIENCE)?;
    let topics = metadata.topics().iter();
    let partitions = topics
        .filter(|topic| topic.name().starts_with(prefix))
        .flat_map(|topic| topic.partitions());
    let fewest = partitions.map(|it| it.replicas().len()).min();
    fewest.with_context(|| format!("there is no topic {prefix}.."))
}
