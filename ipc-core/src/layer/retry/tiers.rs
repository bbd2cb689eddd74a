//! Retry topics: a failed record waits in the one of its delay.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::dispatch::Delivery;
use crate::envelope::{Trail, names};
use crate::transport::{Outgoing, SendError, Transport};

/// Between two tries to write a record.
const PAUSE: Duration = Duration::from_millis(500);

/// The retry topics of a service.
pub(super) struct Tiers {
    transport: Arc<dyn Transport>,
    topics: BTreeMap<Duration, Arc<str>>,
}

impl Tiers {
    pub(super) fn new(transport: Arc<dyn Transport>, topics: BTreeMap<Duration, Arc<str>>) -> Self {
        Self { transport, topics }
    }

    /// Writes the record to the topic of this delay, and returns when it is in the
    /// log, however long that takes: it must not be lost. False where it cannot be
    /// there at all.
    pub(super) async fn put(&self, delivery: &Delivery, delay: Duration) -> bool {
        let Some(topic) = self.topics.get(&delay) else {
            return false;
        };
        let record = self.copy(delivery, delay, Arc::clone(topic));
        if let Some(outputs) = delivery.outputs() {
            // Written, and waited for, with the offset.
            outputs.replace(record, None);
            return true;
        }
        loop {
            let receipt = self.transport.append(&record);
            match receipt.await {
                Ok(_) => return true,
                Err(SendError::Closed) => return std::future::pending().await,
                Err(SendError::TooLarge { .. }) => return false,
                Err(error) => {
                    tracing::warn!(%error, "failed record not in its retry topic; its lane waits");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// The record with what its next attempt must know.
    fn copy(&self, delivery: &Delivery, delay: Duration, topic: Arc<str>) -> Outgoing {
        let now = self.transport.now();
        let home = delivery.home();
        let place = &home.partition;
        let mut trail = Trail::new(&*place.topic, place.partition, home.offset, now);
        trail.written = home.timestamp.millis();
        trail.due = now.plus(delay);
        if let Some(past) = &delivery.past {
            trail.first_failed = past.first_failed;
        }
        let mut envelope = delivery.envelope.clone();
        let headers = &mut envelope.headers;
        // A body that came in chunks is whole by now.
        headers
            .retain(|header| !matches!(&*header.name, names::ATTEMPT | names::CHUNK | names::END));
        Trail::erase(headers);
        let attempt = delivery.head.attempt.saturating_add(1);
        headers.push_static(names::ATTEMPT, attempt.to_string());
        trail.write(headers);
        Outgoing {
            topic,
            partition: None,
            envelope,
        }
    }
}

impl fmt::Debug for Tiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tiers")
            .field("topics", &self.topics)
            .finish_non_exhaustive()
    }
}
