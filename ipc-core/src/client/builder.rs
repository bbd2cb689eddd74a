//! Making a client.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::callee::Callees;
use super::inbox::{Inbox, RECENTLY, Wiring};
use super::pending::Pending;
use super::place;
use super::presence::Watches;
use super::upload::Uploads;
use super::{Client, Foreign, Shared};
use crate::envelope::{CallerId, Dialect};
use crate::health::{Health, Role};
use crate::metrics::Metrics;
use crate::transport::{Cleanup, TopicSpec, TopicState, TopologyPlan, Transport, TransportError};

/// How long replies are kept, in milliseconds: ten minutes.
const RETENTION_MS: u64 = 10 * 60 * 1000;

/// Sets a [`Client`] up.
#[must_use = "a builder does nothing until it is connected"]
pub struct ClientBuilder {
    fleet: String,
    timeout: Duration,
    max_pending: usize,
    reply_partitions: i32,
    dialects: HashMap<String, Foreign>,
    metrics: Metrics,
    health: Health,
    role: Role,
    create_topics: bool,
    ready_within: Duration,
}

impl ClientBuilder {
    pub(super) fn new(fleet: String) -> Self {
        Self {
            fleet,
            timeout: Duration::from_secs(30),
            max_pending: 100_000,
            reply_partitions: 12,
            dialects: HashMap::new(),
            metrics: Metrics::new(),
            health: Health::new(),
            role: Role::Assists,
            create_topics: false,
            ready_within: Duration::from_secs(10),
        }
    }

    /// How long a call waits where neither it, nor its contract, nor the deadline
    /// it was made under says otherwise. Default: 30 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Calls that may wait for an answer at once. Default: 100 000.
    pub fn max_pending(mut self, calls: usize) -> Self {
        self.max_pending = calls;
        self
    }

    /// Makes the reply topic where it is missing, with this many partitions: at
    /// least one per instance of the fleet. Default: it must exist.
    pub fn create_topics(mut self, reply_partitions: i32) -> Self {
        self.create_topics = true;
        self.reply_partitions = reply_partitions;
        self
    }

    /// Calls `service` in a foreign dialect, at `topic` where that is not
    /// `<service>.requests`. Default: every service is one of ours, or a Spring
    /// listener, which understands the same headers.
    ///
    /// A foreign service has no control topic: it is never known to be absent, and
    /// hears of no cancel. One that is called in [`Dialect::FastStream`], which
    /// names no reply partition, needs a reply topic of one partition, and so a
    /// fleet of one instance.
    pub fn foreign_service(
        mut self,
        service: impl Into<String>,
        dialect: Dialect,
        topic: Option<&str>,
    ) -> Self {
        let topic = topic.map(str::to_owned);
        self.dialects
            .insert(service.into(), Foreign { dialect, topic });
        self
    }

    /// Counts into `metrics`, which others may share. Default: metrics of its own.
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Reports to `health` whether replies are heard. With [`Role::Assists`], for
    /// the client that a service's handlers call others with, a deaf inbox is a
    /// warning of readiness; with [`Role::Serves`], for what a gateway serves
    /// with, it fails readiness where nothing else is served. Default: to nobody.
    pub fn health(mut self, health: Health, role: Role) -> Self {
        self.health = health;
        self.role = role;
        self
    }

    /// As [`connect`](Self::connect), through a Kafka connection of its own.
    ///
    /// # Errors
    ///
    /// When the cluster cannot be reached or its configuration is refused, and as
    /// [`connect`](Self::connect).
    ///
    /// # Cancel safety
    ///
    /// Safe: the reading ends.
    #[cfg(feature = "kafka")]
    pub async fn connect_kafka(
        self,
        config: crate::transport::kafka::KafkaConfig,
    ) -> Result<Client, TransportError> {
        let config = config.or_stats_sink(Arc::new(self.metrics.clone()));
        let transport = crate::transport::kafka::KafkaTransport::connect(config).await?;
        self.connect(Arc::new(transport)).await
    }

    /// Opens the reply inbox and returns once a ping through it has come back.
    ///
    /// # Errors
    ///
    /// When the reply topic is missing, or has more partitions than a foreign
    /// dialect can do with; or the ping does not come back in time.
    ///
    /// # Cancel safety
    ///
    /// Safe: the reading ends.
    pub async fn connect(self, transport: Arc<dyn Transport>) -> Result<Client, TransportError> {
        let names = transport.topic_names();
        let topic = names.replies(&self.fleet);
        let spec = |partitions| {
            TopicSpec::new(Arc::clone(&topic), partitions)
                .with(Cleanup::SETTING, "delete")
                .with("retention.ms", RETENTION_MS)
        };
        if self.create_topics {
            let topic = spec(self.reply_partitions);
            transport.create_topics(&[topic]).await?;
        }
        let states = transport.topics(&[Arc::clone(&topic)]).await?;
        let Some(Some(state)) = states.into_iter().next() else {
            return Err(TransportError::missing_topic(format!(
                "reply topic {topic} does not exist: create it, or let the client \
                 do so with create_topics(partitions)"
            )));
        };
        self.check_partitions(&state)?;
        let plan = TopologyPlan::new().topic(spec(state.partitions));
        transport.check(&plan).await?;
        let caller = CallerId::random(&self.fleet);
        let place = place::choose(&*transport, &state, RECENTLY).await;
        let pending = Arc::new(Pending::new(self.max_pending));
        let uploads = Arc::new(Uploads::default());
        let stop = CancellationToken::new();
        let health = self.health.inbox(Arc::clone(&place.topic), self.role);
        let wiring = Wiring {
            transport: Arc::clone(&transport),
            caller: caller.clone(),
            pending: Arc::clone(&pending),
            uploads: Arc::clone(&uploads),
            metrics: self.metrics.clone(),
            health,
            stop: stop.clone(),
        };
        let (inbox, keeper) = Inbox::open(wiring, place, self.ready_within).await?;
        Ok(Client(Arc::new(Shared {
            transport,
            caller,
            names,
            timeout: self.timeout,
            pending,
            inbox,
            callees: Callees::default(),
            watches: Watches::default(),
            uploads,
            dialects: self.dialects,
            metrics: self.metrics,
            stop,
            keeper: parking_lot::Mutex::new(keeper),
        })))
    }

    /// A dialect without a reply partition has its replies land on any.
    fn check_partitions(&self, replies: &TopicState) -> Result<(), TransportError> {
        let anywhere = |foreign: &Foreign| !foreign.dialect.names_reply_partition();
        let mut services: Vec<&str> = self
            .dialects
            .iter()
            .filter(|(_, foreign)| anywhere(foreign))
            .map(|(service, _)| service.as_str())
            .collect();
        if replies.partitions <= 1 || services.is_empty() {
            return Ok(());
        }
        services.sort_unstable();
        Err(TransportError::configuration(format!(
            "reply topic {} has {} partitions, and replies of {} come on any of them, because \
             their dialect names none: call them in a fleet of their own, whose reply topic has \
             one partition",
            replies.name,
            replies.partitions,
            services.join(", "),
        )))
    }
}
