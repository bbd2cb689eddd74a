use anyhow::{Context, Result, anyhow};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;

/// Makes topics with one partition, with as many replicas as the cluster says.
pub(crate) fn create_topics(bootstrap: &str, names: &[&str]) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create()
        .context("no admin client")?;
    let topics = names
        .iter()
        .map(|name| NewTopic::new(name, 1, TopicReplication::Fixed(-1)));
    let topics: Vec<_> = topics.collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let created = runtime.block_on(admin.create_topics(&topics, &AdminOptions::new()))?;
    for topic in created {
        topic.map_err(|(name, code)| anyhow!("topic {name} not created: {code}"))?;
    }
    Ok(())
}
