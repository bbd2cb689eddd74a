//! Sending, with an acknowledgement for every record.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::client::OAuthToken;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{
    BaseRecord, NoCustomPartitioner, Producer as _, ProducerContext, ThreadedProducer,
};
use rdkafka::{ClientContext, Statistics};

use super::config::{KafkaConfig, Role};
use super::convert::owned_headers;
use super::error::refused;
use super::hooks::Hooks;
use super::kept::Kept;
use super::report::Report;
use super::trouble::Trouble;
use crate::metrics::ClientKind;
use crate::transport::{Ack, Outgoing, Placed, SendError, TransportError};

pub(super) struct Producer {
    inner: ThreadedProducer<Deliveries>,
    queue_limit: usize,
}

impl Producer {
    /// Blocks for a moment: makes threads and reads certificates.
    pub(super) fn new(config: &KafkaConfig, hooks: Hooks) -> Result<Self, TransportError> {
        let client = config.client(Role::Producer);
        let report = hooks.report(ClientKind::Producer);
        let deliveries = Deliveries { hooks, report };
        let inner = ThreadedProducer::from_config_and_context(&client, deliveries)
            .map_err(|error| refused(&error))?;
        Ok(Self {
            inner,
            queue_limit: config.queue_limit(),
        })
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
        // An error here means that librdkafka did not take the record at all.
        if let Err((error, message)) = self.inner.send(message) {
            let ack = message.delivery_opaque;
            match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::QueueFull) => ack.settle(Err(SendError::QueueFull {
                    limit: self.queue_limit,
                })),
                Some(RDKafkaErrorCode::Fatal) => {
                    let fatal = self.inner.client().fatal_error();
                    let reason = fatal.map_or_else(|| error.to_string(), |(_, reason)| reason);
                    refuse(*ack, &format!("the producer cannot go on: {reason}"));
                }
                Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                    ack.settle(Err(too_large(&record.topic)));
                }
                Some(code) => refuse(*ack, reason(code).unwrap_or(&code.to_string())),
                None => refuse(*ack, &error.to_string()),
            }
        }
    }

    pub(super) fn client(&self) -> &rdkafka::client::Client<Deliveries> {
        self.inner.client()
    }

    /// The latest error that concerned the producer as a whole.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.inner.client().context().hooks.trouble()
    }
}

/// Waits, off the runtime, until every record is settled.
pub(super) async fn flush(
    producer: Arc<Kept<Producer>>,
    within: Duration,
) -> Result<(), TransportError> {
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

/// Settles acknowledgements, on the producer's polling thread.
pub(super) struct Deliveries {
    hooks: Hooks,
    report: Report,
}

impl ClientContext for Deliveries {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.hooks.log(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        self.report.take(&statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.hooks.error(error, reason);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.hooks.generate_oauth_token(config)
    }
}

impl ProducerContext<NoCustomPartitioner> for Deliveries {
    type DeliveryOpaque = Box<Ack>;

    fn delivery(&self, result: &DeliveryResult<'_>, ack: Self::DeliveryOpaque) {
        ack.settle(match result {
            Ok(message) if message.offset() < 0 => Err(concluded(message.topic())),
            Ok(message) => Ok(Placed {
                partition: message.partition(),
                offset: message.offset(),
            }),
            Err((error, message)) => Err(failure(error, message.topic())),
        });
    }
}

/// Librdkafka reports success without an offset where no broker confirmed the
/// record, but a later one of the same partition. On a partition that has nothing
/// of this producer yet the broker takes any first record, so the conclusion is
/// wrong when the very first one was turned away, and that one is lost.
fn concluded(topic: &str) -> SendError {
    SendError::Unacknowledged {
        topic: topic.to_owned(),
        reason: "the broker confirmed a later record only".to_owned(),
    }
}

/// A record that librdkafka had taken came back. That proves "not sent" only
/// where librdkafka or the broker refused the record as such.
fn failure(error: &KafkaError, topic: &str) -> SendError {
    let topic = topic.to_owned();
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight) => SendError::Closed,
        Some(RDKafkaErrorCode::MessageSizeTooLarge) => too_large(&topic),
        code => match code.and_then(reason) {
            Some(reason) => SendError::Refused {
                topic,
                reason: reason.to_owned(),
            },
            None => SendError::Unacknowledged {
                topic,
                reason: error.to_string(),
            },
        },
    }
}

fn too_large(topic: &str) -> SendError {
    SendError::TooLarge {
        topic: topic.to_owned(),
        reason: "it is larger than the client's message.max.bytes or the topic's \
                 max.message.bytes: send it in chunks or raise the limit"
            .to_owned(),
    }
}

/// Why a record as such is refused, and what to do about it.
fn reason(code: RDKafkaErrorCode) -> Option<&'static str> {
    use RDKafkaErrorCode as Code;
    Some(match code {
        Code::UnknownTopic | Code::UnknownTopicOrPartition => "the topic does not exist: create it",
        Code::UnknownPartition => "the partition does not exist",
        Code::InvalidTopic => "not a valid topic name",
        Code::TopicAuthorizationFailed => "the cluster's ACLs do not allow writing",
        _ => return None,
    })
}
