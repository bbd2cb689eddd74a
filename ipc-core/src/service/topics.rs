//! The topics of one service.

use std::sync::Arc;
use std::time::Duration;

use crate::transport::{TopicNames, TopicSpec, TopologyPlan, Transport, TransportError};

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
    pub(super) dead_letters: Arc<str>,
}

impl Topics {
    pub(super) fn new(
        names: &TopicNames,
        service: &str,
        dead_letters: Option<&str>,
        extra: &[String],
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
            dead_letters: dead_letters
                .map_or_else(|| names.dead_letters(service), |topic| names.named(topic)),
        }
    }

    /// Topics that no caller may have its replies written to.
    pub(super) fn own(&self) -> impl Iterator<Item = Arc<str>> {
        let beside = [&self.control, &self.dead_letters];
        let own: Vec<_> = self.requests.iter().chain(beside).cloned().collect();
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
                .with("cleanup.policy", "delete")
                .with("retention.ms", retention.as_millis())
        };
        let plan = self
            .requests
            .iter()
            .fold(TopologyPlan::new(), |plan, topic| {
                plan.topic(kept(topic, partitions, REQUESTS_KEPT))
                    .reads(Arc::clone(topic))
            });
        plan.topic(kept(&self.control, 1, CONTROL_KEPT))
            .topic(kept(&self.dead_letters, 1, DEAD_LETTERS_KEPT))
            .reads(Arc::clone(&self.control))
            .writes(Arc::clone(&self.control))
            .writes(Arc::clone(&self.dead_letters))
            .joins(group)
    }
}
