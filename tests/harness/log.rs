use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _, StreamConsumer},
    error::KafkaError,
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
    types::RDKafkaErrorCode,
};
use tokio::{task::spawn_blocking, time::timeout};

use crate::{PATIENCE, Raw, Written};

/// The broker's log, past the code under test: records as any client in the world writes and reads them.
#[derive(Clone)]
pub struct Log {
    bootstrap: String,
    producer: FutureProducer,
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
        // one after the other, since some may grow meanwhile
        let mut ends = self.ends(topic).await?;
        self.read(topic, |seen| {
            let last = seen.last().and_then(|last| {
                let end = ends.get_mut(usize::try_from(last.partition).ok()?)?;
                (last.offset + 1 >= *end).then_some(end)
            });
            if let Some(end) = last {
                *end = 0;
            }
            ends.iter().all(|end| *end == 0)
        })
        .await
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

    /// Asks until nobody else has to be asked: the leader of a broker that has just come
    /// back may not know yet that it is one.
    async fn ask<T: Send + 'static>(
        &self,
        group: &str,
        question: impl Fn(&BaseConsumer) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let consumer: BaseConsumer = self.reader(group).create()?;
        let asking = spawn_blocking(move || {
            let began = Instant::now();
            loop {
                match question(&consumer) {
                    Err(error) if is_leaderless(&error) && began.elapsed() < PATIENCE => {
                        consumer.poll(TURN);
                    }
                    answer => return answer,
                }
            }
        });
        asking.await.context("asking the broker panicked")?
    }

    pub(crate) fn reader(&self, group: &str) -> ClientConfig {
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
pub(crate) const ANSWER: Duration = Duration::from_secs(10);

/// How long a partition without a leader is left alone.
const TURN: Duration = Duration::from_millis(100);

fn is_leaderless(error: &anyhow::Error) -> bool {
    use RDKafkaErrorCode::{LeaderNotAvailable, NotLeaderForPartition};
    let code = error
        .downcast_ref::<KafkaError>()
        .and_then(KafkaError::rdkafka_error_code);
    matches!(code, Some(LeaderNotAvailable | NotLeaderForPartition))
}

fn partitions(consumer: &BaseConsumer, topic: &str) -> Result<std::ops::Range<i32>> {
    let metadata = consumer.fetch_metadata(Some(topic), ANSWER)?;
    let topic = metadata.topics().first().context("no such topic")?;
    Ok(0..i32::try_from(topic.partitions().len())?)
}
