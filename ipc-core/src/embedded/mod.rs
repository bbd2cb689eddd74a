//! A development broker inside the process: librdkafka's mock cluster.
//!
//! Good for a demo and for plumbing. It keeps 5 MiB a partition, forgets
//! everything when it is dropped, and its groups and transactions are only
//! sketched: no guarantee was ever proven on it. Never for production.

use std::sync::{Arc, mpsc};
use std::thread;

use async_trait::async_trait;
use rdkafka::mocking::MockCluster;
use tokio::sync::oneshot;

use crate::transport::kafka::{CreateTopics, KafkaConfig};
use crate::transport::{TopicSpec, TransportError};

/// A running development broker. It ends when the last clone of it and of the
/// configurations it gave out is dropped.
///
/// ```no_run
/// # async fn example() -> Result<(), ipc_core::transport::TransportError> {
/// use ipc_core::embedded::EmbeddedBroker;
/// use ipc_core::transport::kafka::KafkaTransport;
///
/// let broker = EmbeddedBroker::start().await?;
/// let transport = KafkaTransport::connect(broker.config()).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct EmbeddedBroker {
    bootstrap: Arc<str>,
    requests: mpsc::Sender<Request>,
}

/// The mock cluster is bound to one thread; this is what others ask of it.
struct Request {
    topics: Vec<TopicSpec>,
    answer: oneshot::Sender<Result<(), TransportError>>,
}

impl EmbeddedBroker {
    /// Starts a broker on a free port of the loopback interface.
    ///
    /// # Errors
    ///
    /// When no thread or no port can be had.
    ///
    /// # Cancel safety
    ///
    /// Safe: the broker ends when nobody takes it.
    pub async fn start() -> Result<Self, TransportError> {
        let (requests, inbox) = mpsc::channel();
        let (started, has_started) = oneshot::channel();
        thread::Builder::new()
            .name("ipc-embedded-broker".to_owned())
            .spawn(move || run(started, &inbox))
            .map_err(|error| unstarted(&error))?;
        let bootstrap = has_started.await.map_err(|error| unstarted(&error))??;
        Ok(Self {
            bootstrap: bootstrap.into(),
            requests,
        })
    }

    /// How to reach this broker.
    #[must_use]
    pub fn config(&self) -> KafkaConfig {
        KafkaConfig::new(&*self.bootstrap)
            // The mock holds an empty fetch for its whole wait.
            .set("fetch.wait.max.ms", 1)
            // Its classic groups wait 3 s for more members before anybody is
            // given a partition; that delay cannot be set from here.
            .set("group.protocol", "consumer")
            .create_topics_with(Arc::new(self.clone()))
    }
}

#[async_trait]
impl CreateTopics for EmbeddedBroker {
    async fn create(&self, _: &KafkaConfig, topics: &[TopicSpec]) -> Result<(), TransportError> {
        let (answer, answered) = oneshot::channel();
        let topics = topics.to_vec();
        let ended = || TransportError::unreachable("the embedded broker has ended");
        self.requests
            .send(Request { topics, answer })
            .map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }
}

fn unstarted(error: &dyn std::fmt::Display) -> TransportError {
    TransportError::other(format!("the embedded broker did not start: {error}"))
}

/// Ends when every handle is gone.
fn run(started: oneshot::Sender<Result<String, TransportError>>, inbox: &mpsc::Receiver<Request>) {
    let cluster = match MockCluster::new(1) {
        Ok(cluster) => cluster,
        Err(error) => {
            // The starter may have given up; then nobody needs the reason.
            let _ = started.send(Err(unstarted(&error)));
            return;
        }
    };
    let _ = started.send(Ok(cluster.bootstrap_servers()));
    let mut existing = std::collections::HashSet::new();
    while let Ok(Request { topics, answer }) = inbox.recv() {
        let made = topics
            .iter()
            // Making a topic twice would empty it.
            .filter(|topic| existing.insert(Arc::clone(&topic.name)))
            .try_for_each(|topic| cluster.create_topic(&topic.name, topic.partitions, 1));
        let _ = answer.send(made.map_err(|error| {
            TransportError::other(format!("the embedded broker made no topic: {error}"))
        }));
    }
}
