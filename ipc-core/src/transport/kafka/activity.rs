//! How busy the partitions of a topic are, by their time index: nothing is read.

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

/// A client that has asked, and what it was told.
struct Asked {
    #[expect(dead_code, reason = "its keeper drops it")]
    client: BaseConsumer<Events>,
    written: Vec<u64>,
}

pub(super) async fn written_since(
    config: &KafkaConfig,
    hooks: Hooks,
    topic: &TopicState,
    since: UnixMillis,
) -> Result<Vec<u64>, TransportError> {
    let mut client = config.client(Role::Reader);
    // Librdkafka knows offsets of consumers only; this group is never joined.
    client.set("group.id", format!("{}.reader", topic.name));
    let (topic, bound) = (topic.clone(), config.startup_bound());
    let asked = Kept::make(move || {
        let events = Events::new(hooks, ClientKind::Reader, Box::new(|_: Event| {}));
        let client: BaseConsumer<Events> = client
            .create_with_context(events)
            .map_err(|error| refused(&error))?;
        // A token, where one is needed, is taken from the poll loop only.
        client.poll(Duration::ZERO);
        let offsets = |of| {
            let found = list(&topic, of).and_then(|all| client.offsets_for_times(all, bound));
            found.map_err(|error| unanswered(&topic, &error))
        };
        let since = i64::try_from(since.0).unwrap_or(i64::MAX);
        let (first, ends) = (offsets(Offset::Offset(since))?, offsets(Offset::End)?);
        let both = first.elements().into_iter().zip(ends.elements());
        let written = both.map(|(first, end)| match (first.offset(), end.offset()) {
            (Offset::Offset(first), Offset::Offset(end)) => u64::try_from(end - first).unwrap_or(0),
            // No record is as young, or the partition does not answer.
            _ => 0,
        });
        let written = written.collect();
        Ok(Asked { client, written })
    });
    Ok(asked.await?.written.clone())
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

fn unanswered(topic: &TopicState, error: &KafkaError) -> TransportError {
    TransportError::unreachable(format!(
        "no offsets for topic {} by time: {error}",
        topic.name
    ))
}
