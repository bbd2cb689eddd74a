//! Setting a service up.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use tower::ServiceBuilder as Layers;

use super::running::{Parts, Service};
use crate::dispatch::{Limits, Policies, Policy, ReplyTopics};
use crate::http::{HttpAdapter, mark_matched};
use crate::layer::{DeadLetterLayer, GuardLayer};
use crate::transport::{TopicSpec, Transport, TransportError};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A service could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The transport could not do what it was asked.
    #[error(transparent)]
    Transport(#[from] TransportError),
}

/// Sets a service up. Made by [`Service::builder`].
#[must_use = "a builder does nothing until it serves"]
pub struct ServiceBuilder {
    name: String,
    topic_prefix: String,
    group: Option<String>,
    limits: Limits,
    reply_topics: ReplyTopics,
    create_topics: Option<i32>,
}

impl ServiceBuilder {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            topic_prefix: String::new(),
            group: None,
            limits: Limits::default(),
            reply_topics: ReplyTopics::default(),
            create_topics: None,
        }
    }

    /// Put before every topic name. Default: nothing.
    pub fn topic_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.topic_prefix = prefix.into();
        self
    }

    /// The consumer group. Default: the service's name.
    pub fn group_id(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// How much is taken on at once.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Which topics callers may have their replies written to.
    pub fn reply_topics(mut self, topics: ReplyTopics) -> Self {
        self.reply_topics = topics;
        self
    }

    /// Makes the service's topics where they are missing, the request topic with
    /// this many partitions. Default: they must exist.
    pub fn create_topics(mut self, request_partitions: i32) -> Self {
        self.create_topics = Some(request_partitions);
        self
    }

    /// Serves an axum application, as it is.
    ///
    /// # Errors
    ///
    /// When the service's topics are missing or cannot be read.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before it is done leaves the group again.
    pub async fn serve(
        self,
        transport: Arc<dyn Transport>,
        app: Router,
    ) -> Result<Service, ServeError> {
        let policies = Arc::new(Policy::new("http"));
        let adapter = HttpAdapter::new(mark_matched(app));
        self.start(transport, Arc::new(policies), adapter).await
    }

    async fn start<H>(
        self,
        transport: Arc<dyn Transport>,
        policies: Arc<dyn Policies>,
        handler: H,
    ) -> Result<Service, ServeError>
    where
        H: tower::Service<
                crate::dispatch::Delivery,
                Response = crate::dispatch::Outcome,
                Error = Infallible,
            > + Clone
            + Send
            + 'static,
        H::Future: Send + 'static,
    {
        let topics = Topics::of(&self.topic_prefix, &self.name);
        if let Some(partitions) = self.create_topics {
            transport.create_topics(&topics.specs(partitions)).await?;
        }
        topics.check(&*transport).await?;
        let name: Arc<str> = self.name.into();
        let group = self.group.map_or_else(|| Arc::clone(&name), Arc::from);
        let handler = Layers::new()
            .layer(DeadLetterLayer::new(
                Arc::clone(&transport),
                Arc::clone(&topics.dead_letters),
                Arc::clone(&name),
                Arc::clone(&group),
            ))
            .layer(GuardLayer::new(
                Arc::clone(&transport),
                Arc::clone(&name),
                self.limits.unknown_endpoint_grace,
            ))
            .service(handler);
        let parts = Parts {
            name,
            group,
            reply_topics: self.reply_topics.except(topics.all()),
            topics,
            limits: self.limits,
            transport,
            policies,
        };
        Ok(parts.start(handler).await?)
    }
}

/// The topics of one service.
#[derive(Clone, Debug)]
pub(super) struct Topics {
    pub(super) requests: Arc<str>,
    pub(super) control: Arc<str>,
    pub(super) dead_letters: Arc<str>,
}

impl Topics {
    fn of(prefix: &str, service: &str) -> Self {
        let named = |kind: &str| Arc::from(format!("{prefix}{service}.{kind}"));
        Self {
            requests: named("requests"),
            control: named("control"),
            dead_letters: named("dlq"),
        }
    }

    fn all(&self) -> [Arc<str>; 3] {
        [&self.requests, &self.control, &self.dead_letters].map(Arc::clone)
    }

    fn specs(&self, partitions: i32) -> [TopicSpec; 3] {
        let kept = |topic: &Arc<str>, partitions, retention_ms: u64| {
            TopicSpec::new(Arc::clone(topic), partitions)
                .with("cleanup.policy", "delete")
                .with("retention.ms", retention_ms)
        };
        [
            kept(&self.requests, partitions, 7 * DAY_MS),
            kept(&self.control, 1, 5 * 60 * 1000),
            kept(&self.dead_letters, partitions, 14 * DAY_MS),
        ]
    }

    async fn check(&self, transport: &dyn Transport) -> Result<(), TransportError> {
        let names = self.all();
        let states = transport.topics(&names).await?;
        let missing: Vec<&str> = names
            .iter()
            .zip(&states)
            .filter(|(_, state)| state.is_none())
            .map(|(name, _)| &**name)
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(TransportError::missing_topic(format!(
            "topics missing: {}: create them, or let the service do so with create_topics(..)",
            missing.join(", ")
        )))
    }
}
