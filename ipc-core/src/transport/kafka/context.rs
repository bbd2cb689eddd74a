//! What librdkafka tells its owner: rebalances, logs, errors.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::{ClientContext, TopicPartitionList};

use crate::transport::{Event, Inlet, Revocation, TopicPartition, TransportError};

/// How long the group waits for dispatch to let revoked partitions go.
const REVOKE_BOUND: Duration = Duration::from_secs(15);

/// Forwards a consumer's callbacks to its inlet. Runs on the owner thread only.
pub(super) struct Events {
    inlet: Mutex<Box<dyn Inlet>>,
}

impl Events {
    pub(super) fn new(inlet: Box<dyn Inlet>) -> Self {
        Self {
            inlet: Mutex::new(inlet),
        }
    }

    pub(super) fn emit(&self, event: Event) {
        self.inlet.lock().take(event);
    }
}

impl ClientContext for Events {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "ipc::kafka", %error, reason, "consumer");
    }
}

impl ConsumerContext for Events {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => self.emit(Event::Assigned(partitions(list))),
            Rebalance::Revoke(list) => self.revoke(consumer, partitions(list)),
            Rebalance::Error(error) => self.emit(Event::Troubled(error.to_string())),
        }
    }
}

impl Events {
    /// Gives dispatch the time to drain, then commits what it stored. The
    /// caller un-assigns right after.
    fn revoke(&self, consumer: &BaseConsumer<Self>, partitions: Vec<TopicPartition>) {
        let lost = consumer.assignment_lost();
        let (release, released) = mpsc::channel::<()>();
        self.emit(Event::Revoked(Revocation::new(
            partitions,
            lost,
            move || {
                // Nobody waits any more once the bound has passed.
                let _ = release.send(());
            },
        )));
        if released.recv_timeout(REVOKE_BOUND).is_err() {
            tracing::warn!(
                target: "ipc::kafka",
                bound = ?REVOKE_BOUND,
                "revoked partitions were not drained in time; their unfinished records will be redelivered"
            );
        }
        if !lost {
            commit(consumer);
        }
    }
}

/// Commits stored offsets; having none is fine.
pub(super) fn commit(consumer: &BaseConsumer<Events>) {
    use rdkafka::error::RDKafkaErrorCode::NoOffset;
    match consumer.commit_consumer_state(CommitMode::Sync) {
        Ok(()) => {}
        Err(error) if error.rdkafka_error_code() == Some(NoOffset) => {}
        Err(error) => {
            tracing::warn!(target: "ipc::kafka", %error, "offsets not committed; records will be redelivered");
        }
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<TopicPartition> {
    list.elements()
        .iter()
        .map(|element| TopicPartition {
            topic: Arc::from(element.topic()),
            partition: element.partition(),
        })
        .collect()
}

pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    use RDKafkaLogLevel as Level;
    match level {
        Level::Emerg | Level::Alert | Level::Critical | Level::Error | Level::Warning => {
            tracing::debug!(target: "librdkafka", facility, message);
        }
        Level::Notice | Level::Info | Level::Debug => {
            tracing::trace!(target: "librdkafka", facility, message);
        }
    }
}

pub(super) fn refused(error: &KafkaError) -> TransportError {
    TransportError::configuration(format!("librdkafka refused its configuration: {error}"))
}
