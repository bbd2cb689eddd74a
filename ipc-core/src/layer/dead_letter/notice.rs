//! Word to the sender of a one-way that it was given up, where it asked for that.

use std::sync::Arc;
use std::time::Duration;

use crate::dispatch::{Delivery, Reason, ReplyTopics};
use crate::envelope::{Envelope, Headers, Parked, ParkedAddress, ReplyPart, ReplyWriter};
use crate::envelope::{names, problem};
use crate::transport::{Outgoing, Placed, Transport};

/// How often it is tried: the dead letter is what counts.
const TRIES: u32 = 5;
/// Between two of these.
const PAUSE: Duration = Duration::from_millis(500);

/// The record that tells the sender of `delivery` where its dead letter lies; `None`
/// where nobody asked, or may be told.
pub(super) fn write(
    delivery: &Delivery,
    reason: Reason,
    letter: (&str, Placed),
    allowed: &ReplyTopics,
) -> Option<Outgoing> {
    let head = &delivery.head;
    if head.is_call() {
        return None;
    }
    // Without it nobody would know which record this is about.
    head.correlation_id.as_ref()?;
    let address = ParkedAddress::read(&delivery.envelope.headers)?;
    if !allowed.allow(&address.topic) {
        tracing::warn!(
            topic = address.topic,
            "reply topic refused, its sender is not told of the dead letter: allow it with \
             Service::builder(..).reply_topics(..)"
        );
        return None;
    }
    let (topic, Placed { partition, offset }) = letter;
    let parked = Parked::new(reason.as_str(), topic, partition, offset);
    let mut headers = Headers::with_capacity(ReplyWriter::MOST_HEADERS + 1);
    headers.push_static(names::CONTENT_TYPE, problem::CONTENT_TYPE);
    let mut envelope = Envelope {
        headers,
        key: delivery.envelope.key.clone(),
        payload: Some(parked.to_json()),
    };
    ReplyWriter::new(head).write(parked.problem.status, ReplyPart::Whole, &mut envelope);
    Some(Outgoing {
        topic: Arc::from(address.topic),
        partition: address.partition,
        envelope,
    })
}

/// Writes it to the log, if that can be done soon.
pub(super) async fn send(transport: &dyn Transport, notice: &Outgoing) {
    for _ in 0..TRIES {
        let receipt = transport.append(notice);
        match receipt.await {
            Ok(_) => return,
            Err(error) if error.is_passing() => tokio::time::sleep(PAUSE).await,
            Err(error) => {
                return tracing::debug!(%error, "a sender is not told of its dead letter");
            }
        }
    }
}
