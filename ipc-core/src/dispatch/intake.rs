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
    ) -> Record {
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
        let topic = &received.origin.partition.topic;
        let policy = self.policies.find(&head, &received.envelope, topic);
        Record {
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
        }
    }

    fn meter(&self, policy: &Arc<Policy>) -> Arc<EndpointMetrics> {
        match self.meters.get(&Arc::as_ptr(policy).addr()) {
            Some((_, meter)) => Arc::clone(meter),
            None => self.metrics.endpoint(&policy.name),
        }
    }

    /// Refuses a call that comes back to the lane of one of its own callers. In
    /// that lane it would wait for itself.
    pub(super) fn refuse_loop(&self, record: &mut Record) {
        let head = &record.head;
        let held = |key: &Bytes| head.is_call() && head.chain.holds(&self.service, key);
        if record.refusal.is_none() && record.envelope.key.as_ref().is_some_and(held) {
            record.refusal = Some(Refusal::CallLoop);
        }
    }
}
