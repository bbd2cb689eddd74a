//! Topics that gain partitions while they are read.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::mpsc;

use super::config::KafkaConfig;
use super::kept::Kept;
use super::producer::Producer;
use super::topics;

/// Looks at the topics of a group's member and tells, once for each change, of
/// those that have grown.
///
/// Librdkafka notices by itself, with its next refresh of metadata, and joins the
/// group again, which assigns the new partitions. So a look is due after each
/// assignment, and only then.
pub(super) struct Growth {
    // Whoever is about to end need not wait for a look.
    producer: Weak<Kept<Producer>>,
    bound: Duration,
    topics: Vec<Arc<str>>,
}

impl Growth {
    pub(super) fn new(
        producer: &Arc<Kept<Producer>>,
        config: &KafkaConfig,
        topics: &[Arc<str>],
    ) -> Self {
        Self {
            producer: Arc::downgrade(producer),
            bound: config.startup_bound(),
            topics: topics.to_vec(),
        }
    }

    /// Looks whenever `assigned` says so, until nobody can say so any more.
    pub(super) async fn watch(self, mut assigned: mpsc::Receiver<()>) {
        let mut sizes = Sizes::default();
        while assigned.recv().await.is_some() {
            for topic in &self.topics {
                if let Some(size) = self.size(topic).await
                    && let Some(before) = sizes.grown(topic, size)
                {
                    tracing::warn!(
                        target: "ipc::kafka",
                        topic = &**topic,
                        partitions_before = before,
                        partitions = size,
                        "the topic has gained partitions: keys move to other ones, so the order of a \
                         key's records does not hold across the change"
                    );
                }
            }
        }
    }

    async fn size(&self, topic: &Arc<str>) -> Option<i32> {
        let producer = self.producer.upgrade()?;
        topics::size(&producer, topic, self.bound).await
    }
}

/// How many partitions each topic had when it was looked at last.
#[derive(Default)]
struct Sizes(HashMap<Arc<str>, i32>);

impl Sizes {
    /// What the topic's size was, if it has grown since the last look.
    fn grown(&mut self, topic: &Arc<str>, size: i32) -> Option<i32> {
        let before = self.0.insert(Arc::clone(topic), size)?;
        (before < size).then_some(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_growth_is_told_once() {
        let mut sizes = Sizes::default();
        let topic: Arc<str> = "orders.requests".into();
        let told: Vec<_> = [3, 3, 6, 6, 7]
            .into_iter()
            .map(|size| sizes.grown(&topic, size))
            .collect();
        assert_eq!(told, [None, None, Some(3), None, Some(6)]);
    }

    #[test]
    fn a_topic_made_anew_with_fewer_partitions_has_not_grown() {
        let mut sizes = Sizes::default();
        let topic: Arc<str> = "orders.requests".into();
        let told: Vec<_> = [6, 1, 2]
            .into_iter()
            .map(|size| sizes.grown(&topic, size))
            .collect();
        assert_eq!(told, [None, None, Some(1)]);
    }
}
