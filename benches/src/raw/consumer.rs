use std::time::Duration;

use anyhow::{Context, Result, bail};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::producer::Producer as _;
use serde::{Deserialize, Serialize};

use super::headers::{ONE_WAY, headers};
use super::{PATIENCE, create_topics, producer, send};
use crate::load::{Load, Recorder, Sample};
use crate::ours::BODY;
use crate::worker::Subject;

/// Records that are written between two waits for the broker.
const BATCH: u64 = 10_000;

/// Records that wait to be read, on `<name>.requests`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Log {
    pub(crate) bootstrap: String,
    pub(crate) name: String,
}

impl Log {
    /// Makes the topic and writes the records.
    pub(crate) fn fill(&self, records: u64) -> Result<()> {
        let topic = self.topic();
        create_topics(&self.bootstrap, &[(&topic, 1)])?;
        let producer = producer(&self.bootstrap, "5")?;
        for nth in 1..=records {
            let headers = headers(&[7; 16], &ONE_WAY);
            send(&producer, &topic, None, BODY.as_bytes(), headers)?;
            if nth % BATCH == 0 || nth == records {
                producer.flush(PATIENCE)?;
            }
        }
        Ok(())
    }

    fn topic(&self) -> String {
        format!("{}.requests", self.name)
    }
}

/// Reads records in a loop, and commits.
pub(crate) struct RawConsumer {
    log: Log,
    /// Whether it takes each out of librdkafka's memory, as is needed to keep it.
    keeps: bool,
}

impl RawConsumer {
    pub(crate) fn start(log: Log, keeps: bool) -> Self {
        Self { log, keeps }
    }

    fn consume(&self, group: &str, records: u64) -> Result<Sample> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.log.bootstrap)
            .set("group.id", group)
            .set("auto.offset.reset", "earliest")
            .set("auto.commit.interval.ms", "1000")
            .create()
            .context("no consumer")?;
        consumer.subscribe(&[&self.log.topic()])?;
        let mut begun = None;
        let mut read = 0;
        while read < records {
            let Some(message) = consumer.poll(Duration::from_millis(100)) else {
                continue;
            };
            let message = message?;
            begun.get_or_insert_with(Recorder::new);
            match self.keeps {
                true => drop(std::hint::black_box(message.detach())),
                false => {
                    std::hint::black_box(message.payload());
                }
            }
            read += 1;
        }
        let begun = begun.context("there is nothing to read")?;
        Ok(Sample {
            done: read,
            ..begun.sample()
        })
    }
}

impl Subject for RawConsumer {
    fn load(&mut self, load: &Load) -> Result<Sample> {
        match load {
            Load::Consume { group, records } => self.consume(group, *records),
            _ => bail!("this is a consumer"),
        }
    }
}
