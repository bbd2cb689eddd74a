//! What is left when nothing goes wrong any more.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf as _;
use tokio::time::{Instant, sleep};

use super::history::What;
use super::world::World;
use crate::envelope::{Envelope, names};
use crate::testing::Observer;
use crate::transport::memory::MemoryCluster;
use crate::transport::{Start, TopicPartition, Transport, TransportError};

/// How long at most until nothing is left to do: longer than any lease, session, drain
/// or wait for another attempt.
const SETTLES: Duration = Duration::from_secs(180);

/// Waits until the group of `service` has finished everything; answers what is left.
///
/// # Errors
///
/// Where it cannot be known what is parked.
pub(super) async fn settle(
    cluster: &MemoryCluster,
    transport: &dyn Transport,
    service: &str,
) -> Result<u64, TransportError> {
    let by = Instant::now() + SETTLES;
    let names = transport.topic_names();
    let topic = names.parked(&names.requests(service));
    let found = transport.topics(&[Arc::clone(&topic)]).await?;
    let partitions = found.into_iter().flatten().next();
    let mut parked = Vec::new();
    for partition in 0..partitions.map_or(0, |state| state.partitions) {
        let topic = Arc::clone(&topic);
        let place = TopicPartition { topic, partition };
        parked.push(Observer::read(transport, place, Start::Beginning).await?);
    }
    loop {
        // Whoever is to join the group does so meanwhile.
        sleep(Duration::from_secs(1)).await;
        let parked: u64 = parked.iter().map(standing).sum();
        let left = cluster.lag(service) + parked;
        if left == 0 || Instant::now() >= by {
            return Ok(left);
        }
    }
}

/// How many parked records stand in a partition: entries that nothing took away.
fn standing(parked: &Observer) -> u64 {
    parked.seen(|seen| {
        let envelopes = seen.records.iter().map(|record| &record.envelope);
        let last: BTreeMap<_, _> = envelopes
            .map(|envelope| (&envelope.key, envelope))
            .collect();
        let entries = last.into_values();
        let is_entry = |envelope: &&Envelope| envelope.headers.contains(names::RETRY_DUE);
        entries.filter(is_entry).count() as u64
    })
}

/// Notes every dead letter of `service`.
pub(super) async fn note_letters(
    transport: &dyn Transport,
    world: &World,
    service: &str,
) -> Result<(), Box<dyn std::error::Error>> {
    let place = TopicPartition {
        topic: transport.topic_names().dead_letters(service),
        partition: 0,
    };
    let letters = Observer::read(transport, place, Start::Beginning).await?;
    // All of it is there, and the paused clock moves when it is read.
    sleep(Duration::from_secs(1)).await;
    let found: Vec<What> = letters.seen(|seen| {
        let letters = seen.records.iter().map(|letter| &letter.envelope.headers);
        let found = letters.map(|headers| {
            let number = |name| headers.get(name).cloned();
            let partition = number(names::DLT_ORIGINAL_PARTITION);
            let offset = number(names::DLT_ORIGINAL_OFFSET);
            let path = headers.get_str(names::PATH);
            What::DeadLetter {
                work: path.and_then(|path| path.rsplit('/').next()?.parse().ok()),
                reason: headers
                    .get_str(names::DLQ_REASON)
                    .unwrap_or_default()
                    .to_owned(),
                partition: partition.map_or(-1, |mut bytes| bytes.try_get_i32().unwrap_or(-1)),
                offset: offset.map_or(-1, |mut bytes| bytes.try_get_i64().unwrap_or(-1)),
            }
        });
        found.collect()
    });
    for letter in found {
        world.note(letter);
    }
    Ok(())
}
