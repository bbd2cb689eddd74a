//! The floor: a round trip as one writes it by hand on librdkafka, with exactly
//! the headers of the framework, and without anything else.

mod client;
mod headers;
mod service;

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, ThreadedProducer};
use serde::{Deserialize, Serialize};

pub(crate) use self::client::RawClient;
pub(crate) use self::service::RawService;

/// Where an exchange takes place, and how its producers batch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) bootstrap: String,
    pub(crate) requests: String,
    pub(crate) replies: String,
    /// In milliseconds, as librdkafka takes it.
    pub(crate) linger: String,
}

/// How long to wait for what must come.
const PATIENCE: Duration = Duration::from_secs(10);

type Producer = ThreadedProducer<DefaultProducerContext>;

fn producer(place: &Place) -> Result<Producer> {
    let producer = ClientConfig::new()
        .set("bootstrap.servers", &place.bootstrap)
        .set("linger.ms", &place.linger)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .create();
    producer.context("no producer")
}

fn send(producer: &Producer, topic: &str, body: &[u8], headers: OwnedHeaders) -> Result<()> {
    let record = BaseRecord::<(), [u8]>::to(topic)
        .payload(body)
        .headers(headers);
    let sent = producer.send(record);
    sent.map_err(|(error, _)| anyhow!("a record for {topic} was not taken: {error}"))
}

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
