//! Notes on committed offsets: what Kafka calls their metadata.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::context::Events;
use crate::transport::{Note, TopicPartition, TransportError};

/// How long the group may take to tell what is committed.
const ANSWER: Duration = Duration::from_secs(5);

/// Commits offsets with their notes. They are stored, too: what is stored without a
/// note, and on its way to the group just then, would take the note away again.
pub(super) fn commit(client: &BaseConsumer<Events>, notes: &[Note]) -> Result<(), KafkaError> {
    let list = list(notes)?;
    client.store_offsets(&list)?;
    client.commit(&list, CommitMode::Sync)
}

/// Offsets with their notes, as librdkafka takes them.
pub(super) fn list(notes: &[Note]) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(notes.len());
    for note in notes {
        let (topic, partition) = (&note.partition.topic, note.partition.partition);
        list.add_partition_offset(topic, partition, Offset::Offset(note.next))?;
        if let Some(mut element) = list.find_partition(topic, partition) {
            element.set_metadata(&*note.text);
        }
    }
    Ok(list)
}

/// Whether these offsets are committed, with these notes.
pub(super) fn are_committed(
    client: &BaseConsumer<Events>,
    notes: &[Note],
    within: Duration,
) -> Result<bool, KafkaError> {
    let places = notes.iter().map(|note| &note.partition);
    let found = committed(client, places, within)?;
    Ok(notes.iter().all(|note| {
        let place = &note.partition;
        let element = found.find_partition(&place.topic, place.partition);
        element.is_some_and(|element| {
            element.offset() == Offset::Offset(note.next) && element.metadata() == &*note.text
        })
    }))
}

fn committed<'p>(
    client: &BaseConsumer<Events>,
    places: impl Iterator<Item = &'p TopicPartition>,
    within: Duration,
) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    for place in places {
        list.add_partition(&place.topic, place.partition);
    }
    client.committed_offsets(list, within)
}

/// The notes on what is committed of these partitions.
pub(super) fn read(
    client: &BaseConsumer<Events>,
    partitions: &[TopicPartition],
) -> Result<Vec<String>, TransportError> {
    let found = committed(client, partitions.iter(), ANSWER).map_err(|error| {
        TransportError::unreachable(format!("committed offsets not told: {error}"))
    })?;
    let note = |place: &TopicPartition| {
        let element = found.find_partition(&place.topic, place.partition);
        element.map_or_else(String::new, |element| element.metadata().to_owned())
    };
    Ok(partitions.iter().map(note).collect())
}
