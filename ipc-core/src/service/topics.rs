//! The topics of one service.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::dispatch::{Policy, RetryPolicy};
use crate::store::Dedup;
use crate::transport::{Cleanup, TopicNames, TopicSpec, TopologyPlan, Transport, TransportError};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// One-way work must survive a weekend.
pub(super) const REQUESTS_KEPT: Duration = DAY.saturating_mul(7);
/// How long a dead letter can be redriven.
pub(super) const DEAD_LETTERS_KEPT: Duration = DAY.saturating_mul(14);
const CONTROL_KEPT: Duration = Duration::from_secs(5 * 60);
/// Of a request topic, where nobody says otherwise.
const DEFAULT_PARTITIONS: i32 = 12;

#[derive(Clone, Debug)]
pub(super) struct Topics {
    /// The request topic first, then those that endpoints name as their own.
    pub(super) requests: Vec<Arc<str>>,
    pub(super) control: Arc<str>,
    /// What people who look after the service have paused.
    pub(super) pauses: Arc<str>,
    pub(super) dead_letters: Arc<str>,
    /// By how long records wait there.
    pub(super) retries: BTreeMap<Duration, Arc<str>>,
    /// Where records are parked, by the topic of their requests.
    pub(super) parked: BTreeMap<Arc<str>, Arc<str>>,
    /// Topics of the dedup store, each beside one of the requests, and how they are
    /// kept.
    dedup: Vec<Arc<str>>,
    dedup_settings: Vec<(&'static str, String)>,
    /// Whether offsets are committed by transactions.
    transactional: bool,
}

/// The delays of every retry topic that these ask for.
pub(super) fn delays(policies: &[Arc<Policy>]) -> BTreeSet<Duration> {
    let retries = policies.iter().filter_map(|policy| policy.retry);
    retries
        .filter(|retry| retry.policy == RetryPolicy::Tiers)
        .flat_map(|retry| retry.delays())
        .collect()
}

/// How the transactional ids of a group's members begin.
pub(super) fn transactional_ids(group: &str) -> String {
    format!("{group}.")
}

/// Whether any of these has records parked.
fn parks(policies: &[Arc<Policy>]) -> bool {
    let retries = policies.iter().filter_map(|policy| policy.retry);
    retries
        .map(|retry| retry.policy)
        .any(|policy| policy == RetryPolicy::KeyParked)
}

impl Topics {
    pub(super) fn new(
        names: &TopicNames,
        service: &str,
        dead_letters: Option<&str>,
        extra: &[String],
        delays: BTreeSet<Duration>,
    ) -> Self {
        let mut requests = vec![names.requests(service)];
        for topic in extra {
            let topic = names.named(topic);
            if !requests.contains(&topic) {
                requests.push(topic);
            }
        }
        Self {
            requests,
            control: names.control(service),
            pauses: names.pauses(service),
            dead_letters: dead_letters
                .map_or_else(|| names.dead_letters(service), |topic| names.named(topic)),
            retries: delays
                .into_iter()
                .map(|delay| (delay, names.retries(service, delay)))
                .collect(),
            parked: BTreeMap::new(),
            dedup: Vec::new(),
            dedup_settings: Vec::new(),
            transactional: false,
        }
    }

    /// For a service whose offsets are committed by transactions, or not.
    pub(super) fn transactional(self, transactional: bool) -> Self {
        Self {
            transactional,
            ..self
        }
    }

    /// With those that records are parked in, where any endpoint of these asks for that.
    pub(super) fn parking(mut self, policies: &[Arc<Policy>], names: &TopicNames) -> Self {
        if parks(policies) {
            let beside = |topic: &Arc<str>| (Arc::clone(topic), names.parked(topic));
            self.parked = self.requests.iter().map(beside).collect();
        }
        self
    }

    /// With those that `dedup` keeps its replies in.
    pub(super) fn with(mut self, dedup: Option<&Dedup>, names: &TopicNames) -> Self {
        let settings = dedup.and_then(|it| it.store.topics_beside_requests(it.keep));
        if let Some(settings) = settings {
            self.dedup = self.requests.iter().map(|it| names.dedup(it)).collect();
            self.dedup_settings = settings;
        }
        self
    }

    /// Topics that every instance reads as a member of its group.
    pub(super) fn consumed(&self) -> Vec<Arc<str>> {
        let retries: BTreeSet<_> = self.retries.values().collect();
        self.requests.iter().chain(retries).cloned().collect()
    }

    /// How long records wait in each retry topic.
    pub(super) fn tiers(&self) -> BTreeMap<Arc<str>, Duration> {
        let tiers = self.retries.iter();
        tiers
            .map(|(delay, topic)| (Arc::clone(topic), *delay))
            .collect()
    }

    /// Topics that no caller may have its replies written to.
    pub(super) fn own(&self) -> impl Iterator<Item = Arc<str>> {
        let beside = [&self.control, &self.pauses, &self.dead_letters];
        let consumed = self.consumed();
        let own = consumed.iter().chain(beside).chain(&self.dedup);
        let own = own.chain(self.parked.values());
        let own: Vec<_> = own.cloned().collect();
        own.into_iter()
    }

    /// Makes the topics where that was asked for, and checks that all is there.
    pub(super) async fn provide(
        &self,
        transport: &dyn Transport,
        group: &str,
        create: Option<i32>,
    ) -> Result<(), TransportError> {
        let partitions = match create {
            Some(partitions) => Some(partitions),
            // Where no size was asked for, the size there is is right.
            None => self.request_partitions(transport).await?,
        };
        let plan = self.plan(group, partitions);
        if create.is_some() {
            transport.create_topics(plan.topics()).await?;
        }
        transport.check(&plan).await
    }

    async fn request_partitions(
        &self,
        transport: &dyn Transport,
    ) -> Result<Option<i32>, TransportError> {
        let states = transport.topics(&self.requests[..1]).await?;
        let there = states.into_iter().flatten().next();
        Ok(there.map(|state| state.partitions))
    }

    /// What the service needs of its cluster.
    pub(super) fn plan(&self, group: &str, request_partitions: Option<i32>) -> TopologyPlan {
        let partitions = request_partitions.unwrap_or(DEFAULT_PARTITIONS);
        let kept = |topic: &Arc<str>, partitions, retention: Duration| {
            TopicSpec::new(Arc::clone(topic), partitions)
                .with(Cleanup::SETTING, "delete")
                .with("retention.ms", retention.as_millis())
        };
        let plan = self
            .requests
            .iter()
            .fold(TopologyPlan::new(), |plan, topic| {
                plan.topic(kept(topic, partitions, REQUESTS_KEPT))
                    .reads(Arc::clone(topic))
            });
        let plan = self.dedup.iter().fold(plan, |plan, topic| {
            let spec = TopicSpec::new(Arc::clone(topic), partitions);
            let settings = self.dedup_settings.iter();
            let spec = settings.fold(spec, |spec, (name, value)| spec.with(name, value));
            let plan = plan.topic(spec).reads(Arc::clone(topic));
            plan.writes(Arc::clone(topic))
        });
        let plan = self.parked.values().fold(plan, |plan, topic| {
            let spec = TopicSpec::new(Arc::clone(topic), partitions)
                .with("cleanup.policy", "compact")
                // As long as the request of an entry may come again.
                .with("delete.retention.ms", REQUESTS_KEPT.as_millis());
            let plan = plan.topic(spec).reads(Arc::clone(topic));
            plan.writes(Arc::clone(topic))
        });
        let plan = self.tiers().iter().fold(plan, |plan, (topic, delay)| {
            let retention = REQUESTS_KEPT.saturating_add(*delay);
            plan.topic(kept(topic, partitions, retention))
                .reads(Arc::clone(topic))
                .writes(Arc::clone(topic))
        });
        let pauses = TopicSpec::new(Arc::clone(&self.pauses), 1);
        let pauses = pauses.exactly().with(Cleanup::SETTING, "compact");
        let plan = plan
            .topic(kept(&self.control, 1, CONTROL_KEPT))
            .topic(pauses)
            .reads(Arc::clone(&self.pauses))
            .topic(kept(&self.dead_letters, 1, DEAD_LETTERS_KEPT))
            .reads(Arc::clone(&self.control))
            .writes(Arc::clone(&self.control))
            .writes(Arc::clone(&self.dead_letters))
            .joins(group);
        match self.transactional {
            true => plan.transacts(transactional_ids(group)),
            false => plan,
        }
    }
}
