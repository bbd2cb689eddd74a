//! All topics with their logs, and producing to them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::clock::Clock;
use super::faults::{Faults, Produce};
use super::log::Log;
use super::partitioner::partition_of;
use super::topic::{Topic, record_size};
use crate::envelope::UnixMillis;
use crate::transport::{
    Found, Outgoing, Placed, SendError, TopicPartition, TopicSpec, TopicState, TransactionError,
    TransportError,
};

pub(super) struct Topics {
    clock: Clock,
    /// Places records without a key.
    random: fastrand::Rng,
    by_name: BTreeMap<Arc<str>, Topic>,
    /// The partitions of all topics; those of one topic are next to each other.
    logs: Vec<Log>,
}

impl Topics {
    pub(super) fn new(clock: Clock, random: fastrand::Rng) -> Self {
        Self {
            clock,
            random,
            by_name: BTreeMap::new(),
            logs: Vec::new(),
        }
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    pub(super) fn state(&self, name: &Arc<str>) -> Option<TopicState> {
        let topic = self.by_name.get(name)?;
        Some(TopicState {
            name: Arc::clone(name),
            partitions: topic.partitions,
        })
    }

    /// What is there under a topic's name.
    pub(super) fn found(&self, name: &str) -> Found {
        self.by_name
            .get(name)
            .map_or(Found::Nothing, |topic| Found::Topic {
                partitions: topic.partitions,
                cleanup: Some(topic.cleanup),
            })
    }

    /// Records taken since a point in time, by partition.
    pub(super) fn written_since(&self, topic: &TopicState, since: UnixMillis) -> Vec<u64> {
        self.of_each(topic, |log| log.written_since(since))
    }

    /// The offsets that each partition holds.
    pub(super) fn held(&self, topic: &TopicState) -> Vec<Range<i64>> {
        self.of_each(topic, |log| log.start()..log.end())
    }

    fn of_each<T: Default>(&self, topic: &TopicState, told: impl Fn(&Log) -> T) -> Vec<T> {
        let of = |partition| {
            let topic = self.by_name.get(&topic.name)?;
            let log = topic.log_of(partition)?;
            Some(told(&self.logs[log]))
        };
        (0..topic.partitions)
            .map(|partition| of(partition).unwrap_or_default())
            .collect()
    }

    /// Makes what does not exist yet, and says what is wrong with the rest.
    pub(super) fn create(&mut self, specs: &[TopicSpec]) -> Result<(), TransportError> {
        let mut faults = Vec::new();
        for spec in specs {
            if self.contains(&spec.name) {
                continue;
            }
            match Topic::new(spec, self.logs.len()) {
                Ok(topic) => {
                    let logs = (0..topic.partitions).map(|_| Log::new(topic.retention));
                    self.logs.extend(logs);
                    self.by_name.insert(Arc::clone(&spec.name), topic);
                }
                Err(fault) => faults.push(format!("{}: {fault}", spec.name)),
            }
        }
        if faults.is_empty() {
            return Ok(());
        }
        let faults = faults.join("; ");
        Err(TransportError::configuration(format!(
            "topics not created: {faults}"
        )))
    }

    /// Every partition of every topic.
    pub(super) fn partitions(&self) -> Vec<TopicPartition> {
        let of_topic = |(topic, state): (&Arc<str>, &Topic)| {
            let topic = Arc::clone(topic);
            (0..state.partitions).map(move |partition| TopicPartition {
                topic: Arc::clone(&topic),
                partition,
            })
        };
        self.by_name.iter().flat_map(of_topic).collect()
    }

    /// Index of a partition's log.
    pub(super) fn log_of(&self, partition: &TopicPartition) -> Option<usize> {
        let topic = self.by_name.get(&partition.topic)?;
        topic.log_of(partition.partition)
    }

    pub(super) fn logs(&self) -> &[Log] {
        &self.logs
    }

    pub(super) fn log(&mut self, index: usize) -> &mut Log {
        &mut self.logs[index]
    }

    pub(super) fn produce(
        &mut self,
        record: &Outgoing,
        faults: Option<&mut (dyn Faults + 'static)>,
    ) -> Produced {
        let (log, partition) = match self.place(record) {
            Ok(place) => place,
            Err(error) => return Err(error).into(),
        };
        let fate = faults.map_or(Produce::Acknowledge, |faults| {
            faults.produce(record, partition)
        });
        if fate == Produce::LoseRecord {
            return Err(unacknowledged(&record.topic)).into();
        }
        let offset = self.append(log, record);
        let placed = Ok(Placed { partition, offset });
        match fate {
            Produce::LoseAck => Err(unacknowledged(&record.topic)).into(),
            Produce::AcknowledgeAfter(after) => Produced {
                result: placed,
                late: Some(after),
            },
            Produce::Repeat => {
                self.append(log, record);
                placed.into()
            }
            Produce::Acknowledge | Produce::LoseRecord => placed.into(),
        }
    }

    /// The logs and partitions that the records of a transaction go to, or which of them goes nowhere.
    pub(super) fn place_all(
        &mut self,
        records: &[Outgoing],
    ) -> Result<Vec<(usize, i32)>, TransactionError> {
        let places = records.iter().enumerate().map(|(record, outgoing)| {
            let placed = self.place(outgoing);
            placed.map_err(|error| TransactionError::Refused { record, error })
        });
        places.collect()
    }

    pub(super) fn append(&mut self, log: usize, record: &Outgoing) -> i64 {
        self.logs[log].append(record.envelope.clone(), self.clock.now())
    }

    /// The log that takes a record, and which partition that is.
    fn place(&mut self, record: &Outgoing) -> Result<(usize, i32), SendError> {
        let Some(topic) = self.by_name.get(&record.topic) else {
            return Err(refused(record, "the topic does not exist: create it"));
        };
        let partition = match (record.partition, &record.envelope.key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => partition_of(key, topic.partitions),
            (None, None) => self.random.i32(0..topic.partitions),
        };
        let Some(log) = topic.log_of(partition) else {
            let count = topic.partitions;
            let reason = format!("partition {partition} does not exist: there are {count}");
            return Err(refused(record, reason));
        };
        let (size, limit) = (record_size(&record.envelope), topic.largest_record);
        if size > limit {
            let reason = format!(
                "{size} bytes are more than max.message.bytes = {limit}: \
                 send it in chunks or raise the limit"
            );
            return Err(SendError::TooLarge {
                topic: record.topic.to_string(),
                reason,
            });
        }
        Ok((log, partition))
    }
}

/// What became of a record that was sent.
pub(super) struct Produced {
    pub(super) result: Result<Placed, SendError>,
    /// After how long its sender is told.
    pub(super) late: Option<Duration>,
}

impl From<Result<Placed, SendError>> for Produced {
    fn from(result: Result<Placed, SendError>) -> Self {
        Self { result, late: None }
    }
}

fn refused(record: &Outgoing, reason: impl Into<String>) -> SendError {
    SendError::Refused {
        topic: record.topic.to_string(),
        reason: reason.into(),
    }
}

fn unacknowledged(topic: &str) -> SendError {
    SendError::Unacknowledged {
        topic: topic.to_owned(),
        reason: "no acknowledgement arrived".to_owned(),
    }
}
