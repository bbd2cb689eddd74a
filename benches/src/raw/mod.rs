//! The floor: the same as one writes it by hand on librdkafka, with exactly the
//! headers of the framework, and without anything else.

mod caller;
mod client;
mod consumer;
mod effort;
mod headers;
mod id;
mod service;
mod topics;

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use rdkafka::config::ClientConfig;
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, ThreadedProducer};
use serde::{Deserialize, Serialize};

pub(crate) use self::client::RawClient;
pub(crate) use self::consumer::{Log, RawConsumer};
pub(crate) use self::effort::Effort;
pub(crate) use self::service::RawService;
pub(crate) use self::topics::{create_topics, fewest_replicas};

/// Where an exchange takes place, and how.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) bootstrap: String,
    pub(crate) requests: String,
    pub(crate) replies: String,
    /// How long producers wait for a batch, in milliseconds as librdkafka takes
    /// it.
    pub(crate) linger: String,
    /// How many records answer one request.
    pub(crate) records: u32,
    pub(crate) effort: Effort,
    pub(crate) spread: Spread,
}

/// Over how much an exchange is spread.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Spread {
    /// Partitions of the requests.
    pub(crate) partitions: i32,
    /// Callers in the client's process, each with a partition of the replies.
    pub(crate) callers: i32,
}

impl Spread {
    /// One partition each way.
    pub(crate) const NONE: Self = Self {
        partitions: 1,
        callers: 1,
    };
}

/// How long to wait for what must come.
const PATIENCE: Duration = Duration::from_secs(10);

type Producer = ThreadedProducer<DefaultProducerContext>;

fn producer(bootstrap: &str, linger: &str) -> Result<Producer> {
    let producer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("linger.ms", linger)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .create();
    producer.context("no producer")
}

/// Without a partition librdkafka chooses one.
fn send(
    producer: &Producer,
    topic: &str,
    partition: Option<i32>,
    body: &[u8],
    headers: OwnedHeaders,
) -> Result<()> {
    let mut record = BaseRecord::<(), [u8]>::to(topic)
        .payload(body)
        .headers(headers);
    record.partition = partition;
    let sent = producer.send(record);
    sent.map_err(|(error, _)| anyhow!("a record for {topic} was not taken: {error}"))
}
