//! Sending, with an acknowledgement for every record.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{
    BaseRecord, NoCustomPartitioner, Producer as _, ProducerContext, ThreadedProducer,
};

use super::config::{KafkaConfig, Role};
use super::context::log;
use super::convert::owned_headers;
use crate::transport::{Ack, Outgoing, Placed, SendError, TransportError};

/// Librdkafka's own bound on records waiting to be sent.
const QUEUE_LIMIT: usize = 100_000;

pub(super) struct Producer {
    inner: ThreadedProducer<Deliveries>,
}

impl Producer {
    pub(super) fn new(config: &KafkaConfig) -> Result<Self, TransportError> {
        let mut client = config.client(Role::Producer);
        client.set("queue.buffering.max.messages", QUEUE_LIMIT.to_string());
        let inner = ThreadedProducer::from_config_and_context(&client, Deliveries)
            .map_err(|error| super::context::refused(&error))?;
        Ok(Self { inner })
    }

    pub(super) fn send(&self, record: &Outgoing, ack: Ack) {
        let refuse = |ack: Ack, reason: &str| {
            ack.settle(Err(SendError::Refused {
                topic: record.topic.to_string(),
                reason: reason.to_owned(),
            }));
        };
        if record.topic.as_bytes().contains(&0) {
            return refuse(ack, "the topic's name holds a NUL byte");
        }
        let Some(headers) = owned_headers(&record.envelope.headers) else {
            return refuse(ack, "a header's name holds a NUL byte");
        };
        let mut message: BaseRecord<'_, [u8], [u8], Box<Ack>> =
            BaseRecord::with_opaque_to(&record.topic, Box::new(ack)).headers(headers);
        message.partition = record.partition;
        message.key = record.envelope.key.as_deref();
        message.payload = record.envelope.payload.as_deref();
        if let Err((error, message)) = self.inner.send(message) {
            let failure = failure(&error, &record.topic);
            message.delivery_opaque.settle(Err(failure));
        }
    }

    pub(super) fn client(&self) -> &rdkafka::client::Client<Deliveries> {
        self.inner.client()
    }
}

/// Waits, off the runtime, until every record is settled.
pub(super) async fn flush(producer: Arc<Producer>, within: Duration) -> Result<(), TransportError> {
    let flushed = tokio::task::spawn_blocking(move || {
        producer
            .inner
            .flush(within)
            .map_err(|_| producer.inner.in_flight_count())
    });
    match flushed.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(unsettled)) => Err(TransportError::unreachable(format!(
            "{unsettled} records are not acknowledged after {within:?}: is the broker away?"
        ))),
        Err(_) => Err(TransportError::other(
            "flushing the producer was interrupted",
        )),
    }
}

/// Dropping the last handle purges the queue and joins a thread: not for a
/// tokio worker.
pub(super) fn drop_in_background(producer: Arc<Producer>) {
    // Where no thread can be had the closure is dropped here, which is slow and correct.
    let _ = std::thread::Builder::new()
        .name("ipc-kafka-drop".to_owned())
        .spawn(move || drop(producer));
}

pub(super) struct Deliveries;

impl ClientContext for Deliveries {
    fn log(&self, level: rdkafka::config::RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "ipc::kafka", %error, reason, "producer");
    }
}

impl ProducerContext<NoCustomPartitioner> for Deliveries {
    type DeliveryOpaque = Box<Ack>;

    fn delivery(&self, result: &DeliveryResult<'_>, ack: Self::DeliveryOpaque) {
        ack.settle(match result {
            Ok(message) => Ok(Placed {
                partition: message.partition(),
                offset: message.offset(),
            }),
            Err((error, message)) => Err(failure(error, message.topic())),
        });
    }
}

/// A produce error proves "not sent" only where librdkafka or the broker refused
/// the record as such.
fn failure(error: &KafkaError, topic: &str) -> SendError {
    use RDKafkaErrorCode as Code;
    let refused = |reason: &str| SendError::Refused {
        topic: topic.to_owned(),
        reason: reason.to_owned(),
    };
    match error.rdkafka_error_code() {
        Some(Code::QueueFull) => SendError::QueueFull { limit: QUEUE_LIMIT },
        Some(Code::MessageSizeTooLarge) => {
            refused("larger than message.max.bytes: send it in chunks or raise the limit")
        }
        Some(Code::UnknownTopic | Code::UnknownTopicOrPartition) => {
            refused("the topic does not exist")
        }
        Some(Code::UnknownPartition) => refused("the partition does not exist"),
        Some(Code::InvalidTopic) => refused("not a valid topic name"),
        Some(Code::TopicAuthorizationFailed) => refused("the cluster's ACLs do not allow writing"),
        Some(Code::PurgeQueue | Code::PurgeInflight) => SendError::Closed,
        _ => SendError::Unacknowledged {
            topic: topic.to_owned(),
            reason: error.to_string(),
        },
    }
}
