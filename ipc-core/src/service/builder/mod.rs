//! Setting a service up.

mod source;
mod start;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
#[cfg(feature = "http-server")]
use std::net::SocketAddr;
use std::sync::Arc;

use http::Method;
use http::uri::PathAndQuery;
use tower::Layer;

use super::Application;
use super::hooks::{HookFailure, Hooks};
use super::layers::{MessageLayers, MessageService};
#[cfg(feature = "http-server")]
use super::listener::HttpListener;
use super::serve::Serve;
use crate::dispatch::{
    Delivery, Limits, Outcome, Policy, Quarantine, ReplyTopics, RetrySpec, Trust,
};
use crate::envelope::principal::Verify;
use crate::handler::TopicHandler;
use crate::health::Health;
use crate::metrics::Metrics;
#[cfg(feature = "postgres")]
use crate::outbox::Outbox;
use crate::store::Dedup;
use crate::transport::Transport;
#[cfg(feature = "kafka")]
use crate::transport::kafka::KafkaConfig;

use self::source::Source;

/// Sets a service up. Made by [`Service::builder`](super::Service::builder).
#[must_use = "a builder does nothing until it serves"]
pub struct ServiceBuilder {
    name: String,
    source: Source,
    group: Option<String>,
    limits: Limits,
    default_policy: Policy,
    reply_topics: ReplyTopics,
    principals: Option<Trust>,
    dead_letter: Option<String>,
    dedup: Option<Dedup>,
    #[cfg(feature = "postgres")]
    outbox: Option<Outbox>,
    retry: Option<RetrySpec>,
    create_topics: Option<i32>,
    topic_handlers: BTreeMap<String, TopicHandler>,
    default_route: Option<(Method, PathAndQuery)>,
    layers: MessageLayers,
    hooks: Hooks,
    health: Health,
    metrics: Metrics,
    #[cfg(feature = "http-server")]
    admin: Option<SocketAddr>,
    #[cfg(feature = "http-server")]
    http: Option<HttpListener>,
}

impl ServiceBuilder {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            source: Source::Unset,
            group: None,
            limits: Limits::default(),
            default_policy: Policy::new("other"),
            reply_topics: ReplyTopics::default(),
            principals: None,
            dead_letter: None,
            dedup: None,
            #[cfg(feature = "postgres")]
            outbox: None,
            retry: None,
            create_topics: None,
            topic_handlers: BTreeMap::new(),
            default_route: None,
            layers: MessageLayers::default(),
            hooks: Hooks::new(),
            health: Health::new(),
            metrics: Metrics::new(),
            #[cfg(feature = "http-server")]
            admin: None,
            #[cfg(feature = "http-server")]
            http: None,
        }
    }

    /// The Kafka cluster to serve from.
    #[cfg(feature = "kafka")]
    pub fn kafka(mut self, config: KafkaConfig) -> Self {
        self.group = self.group.or(config.group_id().map(str::to_owned));
        self.source = Source::Kafka(Box::new(config));
        self
    }

    /// The transport to serve from: one that others use as well, or one for tests.
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.source = Source::Transport(transport);
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

    /// When a record is given up because processes end while it is handled. Default:
    /// after three deaths. It is one of the [`limits`](ServiceBuilder::limits): what is
    /// said last holds.
    pub fn quarantine(mut self, quarantine: Quarantine) -> Self {
        self.limits.quarantine = quarantine;
        self
    }

    /// What holds for endpoints that say nothing else, and for routes without a
    /// contract. Its name is their label in metrics. Default: `Policy::new("other")`.
    pub fn default_policy(mut self, policy: Policy) -> Self {
        self.default_policy = policy;
        self
    }

    /// Which topics callers may have their replies written to. Default: those
    /// whose name ends in `.replies` or `.operations`, minus the service's own.
    pub fn reply_topics(mut self, topics: ReplyTopics) -> Self {
        self.reply_topics = topics;
        self
    }

    /// Takes the word of gateways whose keys `keys` has for who sent a request: what
    /// the extractor [`Principal`](crate::extract::Principal) needs. Their word holds
    /// for as long as the policy's [`max_age`](Policy::max_age). Default: nobody's word
    /// is taken, and that extractor answers 500.
    pub fn principals(mut self, keys: impl Verify + 'static) -> Self {
        self.principals = Some(Trust::new(keys));
        self
    }

    /// The topic for records that are given up. Default: `<service>.dlq`.
    pub fn dead_letter(mut self, topic: impl Into<String>) -> Self {
        self.dead_letter = Some(topic.into());
        self
    }

    /// Where requests that were handled are remembered, for endpoints with
    /// `idempotency`: a [store](crate::store), or a [`Dedup`] that says how it is
    /// used. Default: none, and such an endpoint keeps the service from starting.
    pub fn dedup(mut self, dedup: impl Into<Dedup>) -> Self {
        self.dedup = Some(dedup.into());
        self
    }

    /// Relays the messages of this outbox while the service runs, through the
    /// service's own connection to Kafka. Default: no outbox.
    #[cfg(feature = "postgres")]
    pub fn outbox(mut self, outbox: Outbox) -> Self {
        self.outbox = Some(outbox);
        self
    }

    /// How failed one-way records are tried again, where their endpoint says
    /// nothing else and can: streams and at-most-once work are not retried. Calls
    /// are retried only where their own endpoint asks for it. Default: not at all,
    /// a failed one-way is dead-lettered.
    pub fn retry(mut self, retry: RetrySpec) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Gives records of `topic` that have no method and path to a typed handler.
    /// The topic is read beside the service's request topic; naming that one is
    /// fine too.
    pub fn topic(mut self, topic: impl Into<String>, handler: TopicHandler) -> Self {
        self.topic_handlers.insert(topic.into(), handler);
        self
    }

    /// Where records without method and path go whose topic has no handler of its
    /// own. Default: nowhere, they are answered 400.
    pub fn default_route(mut self, method: Method, path: PathAndQuery) -> Self {
        self.default_route = Some((method, path));
        self
    }

    /// Makes the service's topics where they are missing, the request topic with
    /// this many partitions. Default: they must exist.
    pub fn create_topics(mut self, request_partitions: i32) -> Self {
        self.create_topics = Some(request_partitions);
        self
    }

    /// Answers `/livez`, `/readyz`, `/startupz` and `/metrics` on this address,
    /// from a thread of its own. Default: nowhere.
    #[cfg(feature = "http-server")]
    pub fn admin(mut self, address: SocketAddr) -> Self {
        self.admin = Some(address);
        self
    }

    /// Counts into `metrics`, which others may share. Default: metrics of its own.
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Reports to `health`, which others may share. Default: health of its own.
    pub fn health(mut self, health: Health) -> Self {
        self.health = health;
        self
    }

    /// Puts a tower layer around every message, within the deadline, trace and
    /// metrics of the service's own layers: what happens before and after a
    /// handler. The layer added first is the outermost.
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<MessageService> + Send + 'static,
        L::Service: tower::Service<Delivery, Response = Outcome, Error = Infallible>
            + Clone
            + Send
            + 'static,
        <L::Service as tower::Service<Delivery>>::Future: Send + 'static,
    {
        self.layers.add(layer);
        self
    }

    /// Runs before anything is consumed: migrations, warm-up. An error keeps the
    /// service from starting.
    pub fn on_start<H, F, E>(mut self, hook: H) -> Self
    where
        H: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<HookFailure>,
    {
        self.hooks.on_start(hook);
        self
    }

    /// Runs when the service has started and answers. An error ends it again.
    pub fn on_ready<H, F, E>(mut self, hook: H) -> Self
    where
        H: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<HookFailure>,
    {
        self.hooks.on_ready(hook);
        self
    }

    /// Runs after the drain, when no handler is at work any more.
    pub fn on_stop<H, F, E>(mut self, hook: H) -> Self
    where
        H: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<HookFailure>,
    {
        self.hooks.on_stop(hook);
        self
    }

    /// Serves an application: an axum Router as it is, an
    /// [`App`](crate::routing::App), or any HTTP service.
    pub fn serve<A: Application>(self, app: A) -> Serve<A> {
        Serve::new(self, app)
    }

    /// Serves an application from Kafka and to the HTTP clients of `listener`, in
    /// this process: for the time in which callers move from one to the other.
    ///
    /// Both share one drain: readiness turns false, nothing more is taken from
    /// either, and what was asked on either is answered within the drain bound
    /// ([`Limits::drain`]). HTTP connections still in use then are closed, and
    /// the end of the service does not wait for them: a handler that hangs is
    /// dropped, and its client reads the end of its connection. Clients speak
    /// HTTP/1.1, and may upgrade to what the Router serves.
    ///
    /// While HTTP is served a broker that is away is a warning to readiness, and
    /// fails it no more.
    ///
    /// Requests over HTTP come as axum serves them: past dispatch and its limits,
    /// without what only a record has to say
    /// ([`Offset`](crate::extract::Offset) and the like are rejected).
    #[cfg(feature = "http-server")]
    pub fn serve_with_http(
        mut self,
        app: impl Into<crate::routing::App>,
        listener: tokio::net::TcpListener,
    ) -> Serve<crate::routing::App> {
        let app = app.into();
        let router = app.router().clone();
        self.http = Some(HttpListener { listener, router });
        self.serve(app)
    }
}

impl std::fmt::Debug for ServiceBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceBuilder")
            .field("name", &self.name)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
