//! What a service has yet to work on of the requests in its log.

use std::sync::Arc;

use ipc_core::transport::{TopicState, Transport, TransportError};
use serde::{Deserialize, Serialize};

/// What was left to a service when a route whose requests nobody waits for went back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Backlog {
    /// The service.
    pub service: String,
    /// How many records of its topic of requests, those of other routes among them, its
    /// consumer group had yet to process. `None` where the cluster did not say in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
}

/// The log of a service's requests up to some point.
#[derive(Debug)]
pub(super) struct Reach {
    service: Arc<str>,
    topic: TopicState,
    ends: Vec<i64>,
}

impl Reach {
    /// Up to where the log ends now.
    pub(super) async fn now(
        transport: &dyn Transport,
        service: &str,
    ) -> Result<Self, TransportError> {
        let name = transport.topic_names().requests(service);
        let found = transport.topics(std::slice::from_ref(&name)).await?;
        let topic = found.into_iter().flatten().next().ok_or_else(|| {
            TransportError::missing_topic(format!(
                "topic {name} does not exist: check the service's name and the topic prefix"
            ))
        })?;
        let held = transport.held(&topic).await?;
        Ok(Self {
            service: service.into(),
            topic,
            ends: held.into_iter().map(|held| held.end).collect(),
        })
    }

    /// How many of the records before it the service's consumer group, which has its
    /// name, has yet to process. What waits for a retry is in other topics.
    pub(super) async fn left(&self, transport: &dyn Transport) -> Result<u64, TransportError> {
        let committed = transport.committed(&self.service, &self.topic).await?;
        let held = transport.held(&self.topic).await?;
        let places = self.ends.iter().zip(committed).zip(held);
        let left = places.map(|((end, next), held)| {
            // A group that has committed nothing begins at the oldest record.
            let next = next.unwrap_or(held.start).max(held.start);
            u64::try_from(end - next).unwrap_or(0)
        });
        Ok(left.sum())
    }
}
