//! What is known of a topic by its offsets: nothing is read.

use std::ops::Range;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::config::{KafkaConfig, Role};
use super::context::Events;
use super::error::refused;
use super::hooks::Hooks;
use super::kept::Kept;
use crate::envelope::UnixMillis;
use crate::metrics::ClientKind;
use crate::transport::{Event, TopicState, TransportError};

type Client = BaseConsumer<Events>;

/// A client that has asked, and what it was told.
struct Asked<T> {
    #[expect(dead_code, reason = "its keeper drops it")]
    client: Client,
    told: T,
}

/// How busy the partitions of a topic are, by their time index.
pub(super) async fn written_since(
    config: &KafkaConfig,
    hooks: Hooks,
    topic: &TopicState,
    since: UnixMillis,
) -> Result<Vec<u64>, TransportError> {
    let group = format!("{}.reader", topic.name);
    let (topic, bound) = (topic.clone(), config.startup_bound());
    ask(config, hooks, &group, move |client| {
        let offsets = |of| {
            let found = list(&topic, of).and_then(|all| client.offsets_for_times(all, bound));
            found.map_err(|error| unanswered(&topic, "by time", &error))
        };
        let since = i64::try_from(since.0).unwrap_or(i64::MAX);
        let (first, ends) = (offsets(Offset::Offset(since))?, offsets(Offset::End)?);
        let both = first.elements().into_iter().zip(ends.elements());
        let written = both.map(|(first, end)| match (first.offset(), end.offset()) {
            (Offset::Offset(first), Offset::Offset(end)) => u64::try_from(end - first).unwrap_or(0),
            // No record is as young, or the partition does not answer.
            _ => 0,
        });
        Ok(written.collect())
    })
    .await
}

/// Which offsets are there.
pub(super) async fn held(
    config: &KafkaConfig,
    hooks: Hooks,
    topic: &TopicState,
) -> Result<Vec<Range<i64>>, TransportError> {
    let group = format!("{}.reader", topic.name);
    let (topic, bound) = (topic.clone(), config.startup_bound());
    ask(config, hooks, &group, move |client| {
        let offsets = |of, which| {
            let found = list(&topic, of).and_then(|all| client.offsets_for_times(all, bound));
            let found = found.map_err(|error| unanswered(&topic, which, &error))?;
            let offsets = found.elements().into_iter().map(|one| match one.offset() {
                Offset::Offset(offset) => Ok(offset),
                _ => Err(untold(&topic, one.partition())),
            });
            offsets.collect::<Result<Vec<i64>, TransportError>>()
        };
        let (first, ends) = (
            offsets(Offset::Beginning, "at its beginning")?,
            offsets(Offset::End, "at its end")?,
        );
        Ok(first
            .into_iter()
            .zip(ends)
            .map(|(first, end)| first..end)
            .collect())
    })
    .await
}

/// How far a group is.
pub(super) async fn committed(
    config: &KafkaConfig,
    hooks: Hooks,
    group: &str,
    topic: &TopicState,
) -> Result<Vec<Option<i64>>, TransportError> {
    let (topic, bound) = (topic.clone(), config.startup_bound());
    let what = format!("committed by group {group}");
    ask(config, hooks, group, move |client| {
        let found = list(&topic, Offset::Invalid)
            .and_then(|all| client.committed_offsets(all, bound))
            .map_err(|error| unanswered(&topic, &what, &error))?;
        let offsets = found.elements().into_iter().map(|element| element.offset());
        let committed = offsets.map(|offset| match offset {
            Offset::Offset(next) => Some(next),
            _ => None,
        });
        Ok(committed.collect())
    })
    .await
}

/// Asks by way of a client of its own: librdkafka knows offsets of consumers only. The
/// group is never joined.
async fn ask<T: Clone + Send + Sync + 'static>(
    config: &KafkaConfig,
    hooks: Hooks,
    group: &str,
    question: impl FnOnce(&Client) -> Result<T, TransportError> + Send + 'static,
) -> Result<T, TransportError> {
    let mut client = config.client(Role::Reader);
    client.set("group.id", group);
    let asked = Kept::make(move || {
        let events = Events::new(hooks, ClientKind::Reader, Box::new(|_: Event| {}));
        let client: Client = client
            .create_with_context(events)
            .map_err(|error| refused(&error))?;
        // A token, where one is needed, is taken from the poll loop only.
        client.poll(Duration::ZERO);
        let told = question(&client)?;
        Ok(Asked { client, told })
    });
    Ok(asked.await?.told.clone())
}

/// Every partition of the topic, each with the same question: where offsets are
/// asked for by time, a time stands in an offset's place.
fn list(topic: &TopicState, of: Offset) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    for partition in 0..topic.partitions {
        list.add_partition_offset(&topic.name, partition, of)?;
    }
    Ok(list)
}

fn untold(topic: &TopicState, partition: i32) -> TransportError {
    TransportError::unreachable(format!(
        "no offsets of partition {partition} of topic {}: its leader does not answer",
        topic.name
    ))
}

fn unanswered(topic: &TopicState, which: &str, error: &KafkaError) -> TransportError {
    TransportError::unreachable(format!(
        "no offsets of topic {} {which}: {error}",
        topic.name
    ))
}
