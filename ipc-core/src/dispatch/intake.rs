//! From a received record to one that can be handled.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::assignment::Assignment;
use super::delivery::Refusal;
use super::{Policies, Policy, Record, ReplyTopics};
use crate::envelope::{Malformed, RequestHead};
use crate::metrics::{EndpointMetrics, Metrics};
use crate::transport::Received;

/// Reads each record's headers once and finds its policy.
pub(crate) struct Intake {
    service: Arc<str>,
    policies: Arc<dyn Policies>,
    reply_topics: ReplyTopics,
    metrics: Metrics,
    /// What each known policy's endpoint counts, by the policy's address; the
    /// policy is kept so that the address stays its own.
    meters: BTreeMap<usize, (Arc<Policy>, Arc<EndpointMetrics>)>,
}

impl Intake {
    pub(crate) fn new(
        service: Arc<str>,
        policies: Arc<dyn Policies>,
        reply_topics: ReplyTopics,
        metrics: Metrics,
    ) -> Self {
        let meter = |policy: Arc<Policy>| {
            let meter = metrics.endpoint(&policy.name);
            (Arc::as_ptr(&policy).addr(), (policy, meter))
        };
        Self {
            service,
            reply_topics,
            meters: policies.all().into_iter().map(meter).collect(),
            policies,
            metrics,
        }
    }

    pub(super) fn deliver(
        &self,
        received: Received,
        moving: &Arc<CancellationToken>,
        assignment: Assignment,
        now: Instant,
    ) -> Arc<Record> {
        let (head, fault) = RequestHead::read(&received.envelope.headers);
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
        let refusal = refusal.or_else(|| {
            let key = received.envelope.key.as_ref();
            let looped = key.is_some_and(|key| self.is_loop(&head, key));
            looped.then_some(Refusal::CallLoop)
        });
        let topic = &received.origin.partition.topic;
        let policy = self.policies.find(&head, &received.envelope, topic);
        // Made where it stays: it is too large to be passed along.
        Arc::new(Record {
            envelope: received.envelope,
            origin: received.origin,
            head,
            meter: Some(self.meter(&policy)),
            policy,
            refusal,
            moving: Arc::clone(moving),
            received: now,
            assignment,
            more_offsets: Vec::new(),
        })
    }

    fn meter(&self, policy: &Arc<Policy>) -> Arc<EndpointMetrics> {
        match self.meters.get(&Arc::as_ptr(policy).addr()) {
            Some((_, meter)) => Arc::clone(meter),
            None => self.metrics.endpoint(&policy.name),
        }
    }

    /// Whether a call comes back to the lane of one of its own callers: in that
    /// lane it would wait for itself.
    fn is_loop(&self, head: &RequestHead, key: &Bytes) -> bool {
        head.is_call() && head.chain.holds(&self.service, key)
    }
}
