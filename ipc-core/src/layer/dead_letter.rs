//! Keeping what could not be done.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tower::{Layer, Service};

use crate::dispatch::{Delivery, Failure, Outcome};
use crate::envelope::{Envelope, Headers, UnixMillis, names};
use crate::metrics::Metrics;
use crate::transport::{Ack, Outgoing, SendError, Timestamp, Transport};

/// Longest message kept of a failure, in bytes.
const MESSAGE: usize = 1024;
/// Between two tries to write a dead letter.
const PAUSE: Duration = Duration::from_millis(500);

/// Makes [`DeadLetter`]s.
#[derive(Clone)]
pub struct DeadLetterLayer(Arc<Target>);

struct Target {
    transport: Arc<dyn Transport>,
    topic: Arc<str>,
    service: Arc<str>,
    group: Arc<str>,
    metrics: Metrics,
}

impl DeadLetterLayer {
    /// Dead letters of `service`, whose consumers are in `group`, go to `topic`.
    #[must_use]
    pub fn new(
        transport: Arc<dyn Transport>,
        topic: Arc<str>,
        service: Arc<str>,
        group: Arc<str>,
        metrics: Metrics,
    ) -> Self {
        Self(Arc::new(Target {
            transport,
            topic,
            service,
            group,
            metrics,
        }))
    }
}

impl<S> Layer<S> for DeadLetterLayer {
    type Service = DeadLetter<S>;

    fn layer(&self, inner: S) -> DeadLetter<S> {
        DeadLetter {
            inner,
            target: Arc::clone(&self.0),
        }
    }
}

/// Writes what failed to the dead-letter topic and waits until it is there:
/// only then is the record done.
#[derive(Clone)]
pub struct DeadLetter<S> {
    inner: S,
    target: Arc<Target>,
}

impl<S> Service<Delivery> for DeadLetter<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Outcome;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Outcome, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        // An answered call never becomes a dead letter, unless its answer may
        // not be written at all.
        if delivery.head.is_call() && delivery.refusal.is_none() {
            return Box::pin(self.inner.call(delivery));
        }
        let target = Arc::clone(&self.target);
        let kept = delivery.clone();
        let handled = self.inner.call(delivery);
        Box::pin(async move {
            match handled.await? {
                Outcome::Failed(failure) => {
                    target.keep(&kept, &failure).await;
                    Ok(Outcome::DeadLettered(failure.reason))
                }
                outcome => Ok(outcome),
            }
        })
    }
}

impl Target {
    /// Returns when the dead letter is in the log, however long that takes: the
    /// record must not be lost.
    async fn keep(&self, delivery: &Delivery, failure: &Failure) {
        tracing::warn!(
            endpoint = &*delivery.policy.name,
            partition = %delivery.origin.partition,
            offset = delivery.origin.offset,
            reason = failure.reason.as_str(),
            topic = &*self.topic,
            "dead letter"
        );
        let record = Outgoing {
            topic: Arc::clone(&self.topic),
            partition: None,
            envelope: self.letter(delivery, failure, self.transport.now()),
        };
        loop {
            let (ack, receipt) = Ack::pair();
            self.transport.send(&record, ack);
            match receipt.await {
                Ok(_) => {
                    let dispatch = self.metrics.dispatch();
                    return dispatch.dead_lettered(failure.reason.as_str());
                }
                Err(SendError::Closed) => return std::future::pending().await,
                Err(error) => {
                    tracing::warn!(%error, "dead letter not acknowledged; its lane waits");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn letter(&self, delivery: &Delivery, failure: &Failure, now: UnixMillis) -> Envelope {
        let original = &delivery.envelope;
        let mut headers = redacted(&original.headers);
        let origin = &delivery.origin;
        let (written, kind) = match origin.timestamp {
            Timestamp::Created(at) => (at.0, "CreateTime"),
            Timestamp::Appended(at) => (at.0, "LogAppendTime"),
            Timestamp::Unknown => (0, "NoTimestampType"),
        };
        let mut add = |name, value: Bytes| headers.push_static(name, value);
        let big_endian = |bytes: &[u8]| Bytes::copy_from_slice(bytes);
        let text = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        add(names::DLT_ORIGINAL_TOPIC, text(&origin.partition.topic));
        add(
            names::DLT_ORIGINAL_PARTITION,
            big_endian(&origin.partition.partition.to_be_bytes()),
        );
        add(
            names::DLT_ORIGINAL_OFFSET,
            big_endian(&origin.offset.to_be_bytes()),
        );
        add(
            names::DLT_ORIGINAL_TIMESTAMP,
            big_endian(&written.to_be_bytes()),
        );
        add(names::DLT_ORIGINAL_TIMESTAMP_TYPE, text(kind));
        add(names::DLT_ORIGINAL_GROUP, text(&self.group));
        add(names::DLT_EXCEPTION_FQCN, text(failure.reason.as_str()));
        add(names::DLT_EXCEPTION_MESSAGE, text(cut(&failure.message)));
        add(names::DLQ_REASON, text(failure.reason.as_str()));
        add(
            names::DLQ_ATTEMPTS,
            text(&delivery.head.attempt.to_string()),
        );
        add(names::DLQ_FIRST_FAILED, text(&now.0.to_string()));
        add(names::DLQ_SERVICE, text(&self.service));
        Envelope {
            headers,
            key: original.key.clone(),
            payload: original.payload.clone(),
        }
    }
}

/// The original headers without those that may carry a credential, which are
/// named instead.
fn redacted(headers: &Headers) -> Headers {
    let mut removed: Vec<&str> = Vec::new();
    let mut kept = Headers::with_capacity(headers.len() + 13);
    for header in headers {
        if names::is_sensitive(&header.name) {
            removed.push(&header.name);
        } else {
            kept.push_value(header.name.clone(), header.value.clone());
        }
    }
    if !removed.is_empty() {
        kept.push_static(names::REDACTED, removed.join(", "));
    }
    kept
}

/// At most [`MESSAGE`] bytes, cut between characters.
fn cut(message: &str) -> &str {
    &message[..message.floor_char_boundary(MESSAGE)]
}
