//! From a received record to a delivery.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::delivery::Refusal;
use super::{Delivery, Policies, ReplyTopics};
use crate::envelope::{Malformed, RequestHead};
use crate::transport::Received;

/// Reads each record's headers once and finds its policy.
pub(crate) struct Intake {
    service: Arc<str>,
    policies: Arc<dyn Policies>,
    reply_topics: ReplyTopics,
}

impl Intake {
    pub(crate) fn new(
        service: Arc<str>,
        policies: Arc<dyn Policies>,
        reply_topics: ReplyTopics,
    ) -> Self {
        Self {
            service,
            policies,
            reply_topics,
        }
    }

    pub(crate) fn deliver(&self, received: Received, moving: &CancellationToken) -> Delivery {
        let (head, fault) = match RequestHead::parse(&received.envelope.headers) {
            Ok(head) => (head, None),
            Err((fault, head)) => (*head, Some(fault)),
        };
        let fault = if received.intact {
            fault
        } else {
            Some(Malformed::Undecodable)
        };
        let refusal = match (&head.reply_to, fault) {
            // Asked first: an answer must not be written where it may not go,
            // not even the one that says what is wrong.
            (Some(address), _) if !self.reply_topics.allow(&address.topic) => {
                Some(Refusal::ReplyTopic)
            }
            (_, fault) => fault.map(Refusal::Malformed),
        };
        let topic = &received.origin.partition.topic;
        let policy = self.policies.find(&head, &received.envelope, topic);
        let finish_by = Instant::now() + policy.timeout;
        Delivery {
            refusal,
            moving: moving.clone(),
            ..Delivery::new(
                received.envelope,
                received.origin,
                Arc::new(head),
                policy,
                finish_by,
            )
        }
    }

    /// Refuses a call that comes back to the lane of one of its own callers. In
    /// that lane it would wait for itself.
    pub(crate) fn refuse_loop(&self, delivery: &mut Delivery) {
        let head = &delivery.head;
        let held = |key: &Bytes| head.is_call() && head.chain.holds(&self.service, key);
        if delivery.refusal.is_none() && delivery.envelope.key.as_ref().is_some_and(held) {
            delivery.refusal = Some(Refusal::CallLoop);
        }
    }
}
