//! Waiting until new topics take records.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::AdminClient;
use tokio::time::{Instant, sleep, timeout_at};

use super::hooks::Hooks;
use super::kept::Kept;
use crate::transport::TopicSpec;

/// Between two questions to a leader that is not there yet.
const PAUSE: Duration = Duration::from_millis(20);

/// Waits until every partition of the new topics answers through its leader.
///
/// The metadata names a leader before that leader has the partition. Until then it
/// turns records away, and a record that is turned away there, with a later one
/// taken, is lost for good: see the producer.
pub(super) async fn wait(
    admin: Kept<AdminClient<Hooks>>,
    topics: Vec<&TopicSpec>,
    within: Duration,
) {
    let admin = Arc::new(admin);
    let until = Instant::now() + within;
    for topic in topics {
        for partition in 0..topic.partitions {
            let leads = async {
                while !answers(&admin, &topic.name, partition, within).await {
                    sleep(PAUSE).await;
                }
            };
            if timeout_at(until, leads).await.is_err() {
                tracing::warn!(
                    target: "ipc::kafka",
                    topic = &*topic.name,
                    partition,
                    ?within,
                    "a new topic is made and its partition has no leader yet"
                );
                return;
            }
        }
    }
}

async fn answers(
    admin: &Arc<Kept<AdminClient<Hooks>>>,
    topic: &Arc<str>,
    partition: i32,
    within: Duration,
) -> bool {
    let (admin, topic) = (Arc::clone(admin), Arc::clone(topic));
    let asked = tokio::task::spawn_blocking(move || {
        let client = admin.inner();
        client.fetch_watermarks(&topic, partition, within).is_ok()
    });
    asked.await.unwrap_or(false)
}
