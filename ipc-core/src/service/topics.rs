//! The topics of one service.

use std::sync::Arc;

use crate::transport::{TopicNames, TopicSpec, TopologyPlan, Transport, TransportError};

const MINUTE_MS: u64 = 60 * 1000;
/// Of a request topic, where nobody says otherwise.
const DEFAULT_PARTITIONS: i32 = 12;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

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

    /// What the service needs of its cluster. One-way work must survive a weekend,
    /// so requests are kept for a week.
    pub(super) fn plan(&self, group: &str, request_partitions: Option<i32>) -> TopologyPlan {
        let partitions = request_partitions.unwrap_or(DEFAULT_PARTITIONS);
        let kept = |topic: &Arc<str>, partitions, retention_ms: u64| {
            TopicSpec::new(Arc::clone(topic), partitions)
                .with("cleanup.policy", "delete")
                .with("retention.ms", retention_ms)
        };
        let plan = self
            .requests
            .iter()
            .fold(TopologyPlan::new(), |plan, topic| {
                plan.topic(kept(topic, partitions, 7 * DAY_MS))
                    .reads(Arc::clone(topic))
            });
        plan.topic(kept(&self.control, 1, 5 * MINUTE_MS))
            .topic(kept(&self.dead_letters, 1, 14 * DAY_MS))
            .reads(Arc::clone(&self.control))
            .writes(Arc::clone(&self.control))
            .writes(Arc::clone(&self.dead_letters))
            .joins(group)
    }
}
