use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _, StreamConsumer},
    message::{BorrowedMessage, Header, Headers as _, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
};
use tokio::{task::spawn_blocking, time::timeout};

use crate::PATIENCE;

/// The broker's log, past the code under test: records as any client in the world writes and reads them.
#[derive(Clone)]
pub struct Log {
    bootstrap: String,
    producer: FutureProducer,
}

/// A record to be written.
#[derive(Clone, Debug, Default)]
pub struct Raw {
    /// The partition; `None` lets the key decide, by murmur2 as the Java client does.
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The headers in order, any bytes as values.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// The payload.
    pub payload: Option<Vec<u8>>,
}

/// A record that was read.
#[derive(Clone, Debug)]
pub struct Written {
    /// Where it lay.
    pub partition: i32,
    /// At which offset.
    pub offset: i64,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The headers in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The payload; empty where it is null.
    pub payload: Vec<u8>,
    /// Whether the payload is null.
    pub is_null: bool,
}

impl Raw {
    /// A record with this payload and nothing else.
    pub fn new(payload: impl Into<Vec<u8>>) -> Self {
        Self {
            payload: Some(payload.into()),
            ..Self::default()
        }
    }

    /// A POST as callers write it, without anybody who waits for an answer.
    pub fn post(path: &str, payload: impl Into<Vec<u8>>) -> Self {
        Self::new(payload)
            .header(":method", "POST")
            .header(":path", path)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), Some(value.into())));
        self
    }

    /// Sets the key.
    #[must_use]
    pub fn key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sets the partition.
    #[must_use]
    pub fn on(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }
}

impl Written {
    /// The value of the last header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let header = self.headers.iter().rfind(|(known, _)| known == name);
        header.map(|(_, value)| value.as_slice())
    }

    /// The same, as text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.header(name)
            .and_then(|value| str::from_utf8(value).ok())
    }

    fn of(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().map_or_else(Vec::new, |headers| {
            headers
                .iter()
                .map(|header| {
                    (
                        header.key.to_owned(),
                        header.value.unwrap_or_default().to_vec(),
                    )
                })
                .collect()
        });
        Self {
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(<[u8]>::to_vec),
            headers,
            payload: message.payload().unwrap_or_default().to_vec(),
            is_null: message.payload().is_none(),
        }
    }
}

impl Log {
    /// The log of the broker at `bootstrap`.
    ///
    /// # Errors
    ///
    /// When no client can be made.
    pub fn of(bootstrap: &str) -> Result<Self> {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("partitioner", "murmur2_random")
            .set("linger.ms", "0")
            .create()?;
        Ok(Self {
            bootstrap: bootstrap.to_owned(),
            producer,
        })
    }

    /// Writes a record. Answers its partition and offset.
    ///
    /// # Errors
    ///
    /// When the broker does not take it.
    pub async fn write(&self, topic: &str, raw: Raw) -> Result<(i32, i64)> {
        let headers = raw
            .headers
            .iter()
            .fold(OwnedHeaders::new(), |headers, (name, value)| {
                headers.insert(Header {
                    key: name,
                    value: value.as_ref(),
                })
            });
        let mut record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(topic).headers(headers);
        record.partition = raw.partition;
        record.key = raw.key.as_deref();
        record.payload = raw.payload.as_deref();
        let sent = self.producer.send(record, PATIENCE).await;
        let placed = sent.map_err(|(error, _)| anyhow!("record for {topic} not taken: {error}"))?;
        Ok((placed.partition, placed.offset))
    }

    /// Reads a topic from its beginning until `enough`.
    ///
    /// # Errors
    ///
    /// When there is not enough for too long.
    pub async fn read(
        &self,
        topic: &str,
        mut enough: impl FnMut(&[Written]) -> bool,
    ) -> Result<Vec<Written>> {
        let consumer: StreamConsumer = self.reader("reader").create()?;
        let count = self.ends(topic).await?.len();
        let mut all = TopicPartitionList::new();
        for partition in 0..i32::try_from(count)? {
            all.add_partition_offset(topic, partition, Offset::Beginning)?;
        }
        consumer.assign(&all)?;
        let mut written = Vec::new();
        while !enough(&written) {
            let message = timeout(PATIENCE, consumer.recv()).await.with_context(|| {
                format!("{topic} holds {} records and no more", written.len())
            })??;
            written.push(Written::of(&message));
        }
        Ok(written)
    }

    /// Reads all that a topic holds now.
    ///
    /// # Errors
    ///
    /// When the broker does not answer.
    pub async fn all(&self, topic: &str) -> Result<Vec<Written>> {
        let count: i64 = self.ends(topic).await?.iter().sum();
        let count = usize::try_from(count)?;
        self.read(topic, |seen| seen.len() >= count).await
    }

    /// Where each partition of a topic ends.
    ///
    /// # Errors
    ///
    /// When the broker does not say.
    pub async fn ends(&self, topic: &str) -> Result<Vec<i64>> {
        let topic = topic.to_owned();
        self.ask("reader", move |consumer| {
            let partitions = partitions(consumer, &topic)?;
            let end = |partition| -> Result<i64> {
                Ok(consumer.fetch_watermarks(&topic, partition, ANSWER)?.1)
            };
            partitions.map(end).collect()
        })
        .await
    }

    /// What a group has committed of each partition of a topic; 0 where it has not.
    ///
    /// # Errors
    ///
    /// When the broker does not say.
    pub async fn committed(&self, group: &str, topic: &str) -> Result<Vec<i64>> {
        let topic = topic.to_owned();
        self.ask(group, move |consumer| {
            let mut list = TopicPartitionList::new();
            for partition in partitions(consumer, &topic)? {
                list.add_partition(&topic, partition);
            }
            let committed = consumer.committed_offsets(list, ANSWER)?;
            let offsets = committed.elements();
            Ok(offsets
                .iter()
                .map(|element| element.offset().to_raw().unwrap_or(0).max(0))
                .collect())
        })
        .await
    }

    async fn ask<T: Send + 'static>(
        &self,
        group: &str,
        question: impl FnOnce(&BaseConsumer) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let consumer: BaseConsumer = self.reader(group).create()?;
        spawn_blocking(move || question(&consumer))
            .await
            .context("asking the broker panicked")?
    }

    fn reader(&self, group: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "20");
        config
    }
}

/// How long the broker may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

fn partitions(consumer: &BaseConsumer, topic: &str) -> Result<std::ops::Range<i32>> {
    let metadata = consumer.fetch_metadata(Some(topic), ANSWER)?;
    let topic = metadata.topics().first().context("no such topic")?;
    Ok(0..i32::try_from(topic.partitions().len())?)
}
