//! From a received record to one that can be handled.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::assignment::Assignment;
use super::delivery::{Past, Refusal};
use super::{Policies, Policy, Record, ReplyTopics};
use crate::envelope::{Envelope, Malformed, RequestHead};
use crate::metrics::{EndpointMetrics, Metrics};
use crate::transport::Received;

/// Places of records that are kept for others.
const SPENT: usize = 512;

/// Reads each record's headers once and finds its policy.
pub(crate) struct Intake {
    service: Arc<str>,
    policies: Arc<dyn Policies>,
    reply_topics: ReplyTopics,
    /// How long records wait in each retry topic.
    tiers: BTreeMap<Arc<str>, Duration>,
    metrics: Metrics,
    /// What each known policy's endpoint counts, by the policy's address; the
    /// policy is kept so that the address stays its own.
    meters: BTreeMap<usize, (Arc<Policy>, Arc<EndpointMetrics>)>,
    /// The last record's topic, with the policy of its records that are not
    /// HTTP-shaped, where it has one.
    last: Option<(Arc<str>, Option<Arc<Policy>>)>,
    /// What an empty record is made of where no place is free.
    blank: Record,
    spent: Vec<Arc<Record>>,
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
            tiers: BTreeMap::new(),
            meters: policies.all().into_iter().map(meter).collect(),
            policies,
            metrics,
            last: None,
            blank: Record::blank(),
            spent: Vec::new(),
        }
    }

    /// The same, where records wait in these topics, for so long each.
    pub(crate) fn with_tiers(mut self, tiers: BTreeMap<Arc<str>, Duration>) -> Self {
        self.tiers = tiers;
        self
    }

    /// How long records wait in `topic`, where that is a retry topic.
    pub(super) fn delay(&self, topic: &str) -> Option<Duration> {
        self.tiers.get(topic).copied()
    }

    /// A record as it arrived, with what is known of its past where it comes from a
    /// retry topic.
    pub(super) fn deliver(
        &mut self,
        received: Received,
        past: Option<Box<Past>>,
        moving: &Arc<CancellationToken>,
        assignment: Assignment,
        now: Instant,
    ) -> Arc<Record> {
        let place = self.spent.pop();
        let mut place = place.unwrap_or_else(|| Arc::new(self.blank.clone()));
        let record = Arc::make_mut(&mut place);
        record.past = past;
        self.fill(record, received);
        if !Arc::ptr_eq(&record.moving, moving) {
            record.moving = Arc::clone(moving);
        }
        record.received = now;
        record.assignment = assignment;
        place
    }

    /// Writes down in an empty record what was received and what is found out
    /// about it.
    fn fill(&mut self, record: &mut Record, received: Received) {
        let fault = record.head.read(&received.envelope.headers);
        let fault = if received.intact {
            fault
        } else {
            Some(Malformed::Undecodable)
        };
        let refusal = match (&record.head.reply_to, fault) {
            // Asked first: an answer must not be written where it may not go,
            // not even the one that says what is wrong.
            (Some(address), _) if !self.reply_topics.allow(&address.topic) => {
                Some(Refusal::ReplyTopic)
            }
            (_, fault) => fault.map(Refusal::Malformed),
        };
        record.refusal = refusal.or_else(|| {
            let key = received.envelope.key.as_ref();
            let looped = key.is_some_and(|key| self.is_loop(&record.head, key));
            looped.then_some(Refusal::CallLoop)
        });
        record.envelope = received.envelope;
        record.origin = received.origin;
        self.find_policy(record);
    }

    fn find_policy(&mut self, record: &mut Record) {
        let topic = &record.home().partition.topic;
        let of_topic = match record.head.is_http() {
            true => None,
            false => self.of_topic(topic),
        };
        // Mostly that of the record whose place this was.
        if of_topic.is_some_and(|policy| Arc::ptr_eq(policy, &record.policy)) {
            return;
        }
        let policy = match of_topic {
            Some(policy) => Arc::clone(policy),
            None => self.policies.find(&record.head, &record.envelope, topic),
        };
        if !Arc::ptr_eq(&policy, &record.policy) {
            record.meter = Some(self.meter(&policy));
            record.policy = policy;
        }
    }

    /// The policy of this topic's records that are not HTTP-shaped.
    fn of_topic(&mut self, topic: &Arc<str>) -> Option<&Arc<Policy>> {
        let is_last = |(last, _): &(Arc<str>, _)| Arc::ptr_eq(last, topic);
        if !self.last.as_ref().is_some_and(is_last) {
            self.last = Some((Arc::clone(topic), self.policies.of_topic(topic)));
        }
        self.last.as_ref().and_then(|(_, policy)| policy.as_ref())
    }

    /// Takes back a record that is done with: its place is another's then. What it
    /// says is let go of now.
    pub(super) fn reclaim(&mut self, mut record: Arc<Record>) {
        if self.spent.len() < SPENT
            && let Some(spent) = Arc::get_mut(&mut record)
        {
            spent.envelope = Envelope::default();
            spent.head.clear();
            spent.more_offsets.clear();
            spent.past = None;
            spent.withdrawal.take();
            self.spent.push(record);
        }
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
