//! Word to the sender of a one-way that it was given up, where it asked for that.

use std::sync::Arc;

use crate::dispatch::{Delivery, Notice, Reason, ReplyTopics};
use crate::envelope::{Envelope, Headers, Parked, ParkedAddress, ReplyPart, ReplyWriter};
use crate::envelope::{names, problem};
use crate::transport::{Outgoing, Placed};

/// What the sender of `delivery` is told once its dead letter is in `topic`; `None` where
/// nobody asked, or may be told.
pub(super) fn draft(
    delivery: &Delivery,
    reason: Reason,
    topic: &Arc<str>,
    allowed: &ReplyTopics,
) -> Option<Notice> {
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
    let (topic, key) = (Arc::clone(topic), delivery.envelope.key.clone());
    let writer = ReplyWriter::new(head);
    Some(Notice::new(move |Placed { partition, offset }| {
        let parked = Parked::new(reason.as_str(), &*topic, partition, offset);
        let mut headers = Headers::with_capacity(ReplyWriter::MOST_HEADERS + 1);
        headers.push_static(names::CONTENT_TYPE, problem::CONTENT_TYPE);
        let mut envelope = Envelope {
            headers,
            key,
            payload: Some(parked.to_json()),
        };
        writer.write(parked.problem.status, ReplyPart::Whole, &mut envelope);
        Outgoing {
            topic: Arc::from(address.topic),
            partition: address.partition,
            envelope,
        }
    }))
}
