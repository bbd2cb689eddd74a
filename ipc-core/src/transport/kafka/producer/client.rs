//! One producer of librdkafka, with an acknowledgement for every record.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseRecord, NoCustomPartitioner, Producer as _, ProducerContext};
use rdkafka::{ClientContext, Statistics};

use super::desk::{Desk, Pending};
use super::failure::{concluded, not_taken, refused, returned};
use super::load::Level;
use crate::metrics::ClientKind;
use crate::transport::kafka::config::{Batching, KafkaConfig, Role};
use crate::transport::kafka::convert::owned_headers;
use crate::transport::kafka::hooks::Hooks;
use crate::transport::kafka::polled::Polled;
use crate::transport::kafka::report::Report;
use crate::transport::kafka::trouble::Trouble;
use crate::transport::{Outgoing, Placed, SendError, TransportError};

/// A producer with the polling thread on which its records are settled.
pub(in crate::transport::kafka) struct Producer {
    inner: Polled<Deliveries>,
}

impl Producer {
    /// Blocks for a moment: makes threads and reads certificates.
    pub(super) fn new(
        config: &KafkaConfig,
        hooks: Hooks,
        desk: Arc<Desk>,
        level: Level,
    ) -> Result<Self, TransportError> {
        let mut client = config.client(Role::Producer);
        if config.effective_batching() == Batching::Adaptive {
            client.set("linger.ms", level.linger());
        }
        let report = hooks.report(ClientKind::Producer);
        let deliveries = Deliveries {
            hooks,
            report,
            desk,
            level,
        };
        Ok(Self {
            inner: Polled::new(&client, deliveries)?,
        })
    }

    /// Gives a record to librdkafka, or settles it at once where that does not take it.
    pub(super) fn send(&self, record: &Outgoing, pending: Pending) {
        let Deliveries { desk, level, .. } = &**self.inner.client().context();
        let headers = match owned(record) {
            Ok(headers) => headers,
            Err(error) => return desk.settle(pending, *level, Err(error)),
        };
        let mut message: BaseRecord<'_, [u8], [u8], Box<Pending>> =
            BaseRecord::with_opaque_to(&record.topic, Box::new(pending)).headers(headers);
        message.partition = record.partition;
        message.key = record.envelope.key.as_deref();
        message.payload = record.envelope.payload.as_deref();
        if let Err((error, message)) = self.inner.send(message) {
            let error = match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::QueueFull) => desk.full(),
                Some(RDKafkaErrorCode::Fatal) => {
                    desk.load.retire(*level);
                    let fatal = self.inner.client().fatal_error();
                    let reason = fatal.map_or_else(|| error.to_string(), |(_, reason)| reason);
                    let reason = format!("the producer cannot go on: {reason}");
                    refused(&record.topic, &reason)
                }
                _ => not_taken(&error, &record.topic),
            };
            desk.settle(*message.delivery_opaque, *level, Err(error));
        }
    }

    pub(in crate::transport::kafka) fn client(&self) -> &rdkafka::client::Client<Deliveries> {
        self.inner.client()
    }

    /// The latest error that concerned the producer as a whole.
    pub(in crate::transport::kafka) fn trouble(&self) -> Option<Trouble> {
        self.inner.client().context().hooks.trouble()
    }

    /// Blocks until every record that librdkafka has is settled, or `within` passes.
    pub(super) fn flush(&self, within: Duration) {
        // Whether all of them are is in the books.
        let _ = self.inner.flush(within);
    }
}

/// The headers of a record that librdkafka can carry.
pub(in crate::transport::kafka) fn owned(
    record: &Outgoing,
) -> Result<rdkafka::message::OwnedHeaders, SendError> {
    if record.topic.as_bytes().contains(&0) {
        let reason = "the topic's name holds a NUL byte";
        return Err(refused(&record.topic, reason));
    }
    owned_headers(&record.envelope.headers)
        .ok_or_else(|| refused(&record.topic, "a header's name holds a NUL byte"))
}

/// Settles records, on the producer's polling thread.
pub(in crate::transport::kafka) struct Deliveries {
    hooks: Hooks,
    report: Report,
    desk: Arc<Desk>,
    level: Level,
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
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
            self.desk.load.retire(self.level);
        }
        self.hooks.error(error, reason);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.hooks.generate_oauth_token(config)
    }
}

impl ProducerContext<NoCustomPartitioner> for Deliveries {
    type DeliveryOpaque = Box<Pending>;

    fn delivery(&self, result: &DeliveryResult<'_>, pending: Self::DeliveryOpaque) {
        let outcome = match result {
            Ok(message) if message.offset() < 0 => Err(concluded(message.topic())),
            Ok(message) => Ok(Placed {
                partition: message.partition(),
                offset: message.offset(),
            }),
            Err((error, message)) => Err(returned(error, message.topic())),
        };
        self.desk.settle(*pending, self.level, outcome);
    }
}
