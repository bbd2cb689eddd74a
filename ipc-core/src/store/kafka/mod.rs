//! A store in the log itself: no other system is needed.

mod entry;
mod partition;
mod restore;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::time::timeout;

use super::{Claim, ClaimRequest, DedupStore, Needs, Place, StoreError};
use crate::transport::{TopicPartition, Transport};

use self::partition::Partition;

/// What this store is called.
const NAME: &str = "kafka";
/// How long a partition may take to be read, however little patience its requests have.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// Keeps replies in a compacted topic, `<service>.dedup` for `<service>.requests`,
/// partition beside partition: whoever reads a partition of the requests reads what
/// has become of them.
///
/// A claim is answered from memory, and a reply is one record that the log has
/// acknowledged before the caller has its answer. When a partition comes to an
/// instance, its first request waits until everything stored before has been read.
///
/// Repetitions are recognised where they have the record key of the first request,
/// which decides the partition: a request without a key of its own has its
/// idempotency key for one. The owner of a partition is the owner of every claim in
/// it, so there are no leases. An owner that lost the partition, and does not know,
/// reads all that was stored meanwhile before its next claim, once it has read that
/// another has begun; of what both store that counts which has the higher fence.
#[derive(Clone, Default)]
pub struct KafkaStore(Arc<Shared>);

#[derive(Default)]
struct Shared {
    transport: OnceLock<Arc<dyn Transport>>,
    partitions: Mutex<HashMap<TopicPartition, Arc<Partition>>>,
}

impl KafkaStore {
    /// A store on the cluster that its service is served from.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The partition beside the one that a request came from.
    fn beside(&self, place: &Place) -> Result<Arc<Partition>, StoreError> {
        let transport = self.0.transport.get().ok_or_else(|| {
            StoreError::new(NAME, "it belongs to no service yet: give it to dedup(..)")
        })?;
        let topic = transport.topic_names().dedup(&place.topic);
        let partition = place.partition;
        let place = TopicPartition { topic, partition };
        let mut partitions = self.0.partitions.lock();
        let known = partitions.entry(place.clone());
        let new = || Arc::new(Partition::new(Arc::clone(transport), place));
        Ok(Arc::clone(known.or_insert_with(new)))
    }
}

impl fmt::Debug for KafkaStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl DedupStore for KafkaStore {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn check(&self, _: &Needs) -> Result<(), Vec<String>> {
        Ok(())
    }

    fn attach(&self, transport: &Arc<dyn Transport>) {
        // The first service's: a store is not shared by services.
        let _ = self.0.transport.set(Arc::clone(transport));
    }

    fn topics_beside_requests(&self, keep: Duration) -> Option<Vec<(&'static str, String)>> {
        Some(vec![
            ("cleanup.policy", "compact,delete".to_owned()),
            ("retention.ms", keep.as_millis().to_string()),
        ])
    }

    fn left(&self, topic: &Arc<str>, partition: i32) {
        if let Some(transport) = self.0.transport.get() {
            let topic = transport.topic_names().dedup(topic);
            let gone = TopicPartition { topic, partition };
            self.0.partitions.lock().remove(&gone);
        }
    }

    /// Each partition answers for itself, to the requests beside it.
    async fn probe(&self, _: &ClaimRequest) -> Result<(), StoreError> {
        Ok(())
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        let place = request.place.as_ref().ok_or_else(|| {
            StoreError::new(
                NAME,
                "a request without a place in the log cannot be looked up",
            )
        })?;
        let partition = self.beside(place)?;
        let claim = async {
            loop {
                partition.restored(place.assignment).await?;
                if let Some(claim) = partition.claim(place.assignment, request)? {
                    return Ok(claim);
                }
            }
        };
        let answered = timeout(request.patience.max(SHORTEST_WAIT), claim).await;
        answered.unwrap_or_else(|_| {
            let place = &partition.place;
            Err(StoreError::new(
                NAME,
                format!("{place} is not read to its end yet"),
            ))
        })
    }
}
