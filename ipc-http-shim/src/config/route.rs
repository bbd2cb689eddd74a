//! One route: which requests, and where they go.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Method};

use super::{BreakerRules, Credential, Part, Rewriting, RouteCors, RouteLimits, WebSocket};
use crate::migration::Migration;

/// Sends some requests somewhere.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Route {
    /// The methods it takes; empty takes every method. GET takes HEAD along,
    /// unless another route of the same path names HEAD.
    pub methods: Vec<Method>,
    /// The paths it takes, in axum's syntax: `/orders/{id}`, `/files/{*rest}`.
    pub path: String,
    /// Where its requests go.
    pub target: Target,
    /// How long a request may wait for the head of its answer. Default: the
    /// shim's `timeout`.
    pub timeout: Option<Duration>,
    /// How long its service may take over a request that is answered later. Default: as
    /// long as answers are kept. Without effect on other routes.
    pub within: Option<Duration>,
    /// Whether a client may say how long it waits, and be answered later (`Prefer`, RFC
    /// 7240). Default: no. Without effect but on calls.
    pub prefer: bool,
    /// Whether what its service answers after the `timeout` can be asked for. Its replies go
    /// through the topic of operations then. Default: no. Without effect but on calls.
    pub late_replies: bool,
    /// Whether answers of its service are given again, as `Cache-Control` says. Default: no.
    /// Without effect but on calls without late replies.
    pub cache: bool,
    /// How long a stream whose client has gone waits for it to come back with the id of its
    /// last event. Default: not at all. Without effect but on streams.
    pub resume: Option<Duration>,
    /// How its WebSockets are spoken. Without effect on other routes.
    pub websocket: WebSocket,
    /// How it moves from the legacy upstream to the service. Default: it does not, and
    /// its target answers. Without effect on a legacy route.
    pub migration: Option<Migration>,
    /// When requests to its service are no longer sent. Default: as the gateway says.
    /// Without effect on a legacy route.
    pub breaker: BreakerRules,
    /// How its clients prove who they are: in any one of these ways; empty where anybody
    /// may call. Default: the shim's.
    pub auth: Option<Vec<Credential>>,
    /// What its clients must be allowed: all of these. Default: nothing.
    pub scopes: Vec<String>,
    /// Which pages of other origins may call it. Default: as the shim says.
    pub cors: RouteCors,
    /// What is changed of its requests on their way, and of their answers; of a route
    /// that moves, on the service's side only. Default: nothing.
    pub rewriting: Rewriting,
    /// How much may go through it. Default: as much as comes.
    pub limits: RouteLimits,
}

/// Where the requests of a route go.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Target {
    /// To a service, over Kafka.
    Service {
        /// The service's name.
        service: Arc<str>,
        /// How it answers.
        mode: ServiceMode,
        /// What decides the record's key.
        key: KeyRule,
    },
    /// To several routes at once, whose answers are the members of one document, by name.
    Aggregate(BTreeMap<String, Part>),
    /// To the legacy upstream, over HTTP.
    Legacy,
}

/// How a service answers the requests of a route.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ServiceMode {
    /// One request, one reply.
    Call,
    /// No reply: 202 once the broker has acknowledged the request.
    OneWay,
    /// One reply, later: 202 once the broker has acknowledged the request, and where the
    /// reply is to be had.
    Accepted,
    /// One request, many replies, as server-sent events, lines of JSON or bytes.
    Stream,
    /// The same as the messages of a WebSocket; those of its client are requests without a
    /// reply.
    WebSocket,
}

/// What decides a request's record key, and with it partition and order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum KeyRule {
    /// Nothing for GET, HEAD and OPTIONS; else the path's single parameter, else
    /// the header `idempotency-key`, else nothing.
    #[default]
    Default,
    /// The named path parameter, percent-decoded.
    Path(String),
    /// The first value of the named request header.
    Header(HeaderName),
    /// Nothing: no order is kept.
    None,
}

impl Route {
    /// Sends every request for `path` to `service` and answers with its reply.
    pub fn call(path: impl Into<String>, service: impl Into<Arc<str>>) -> Self {
        Self::to_service(path, service, ServiceMode::Call)
    }

    /// Sends every request for `path` to `service` and answers 202 once the
    /// broker has it.
    pub fn one_way(path: impl Into<String>, service: impl Into<Arc<str>>) -> Self {
        Self::to_service(path, service, ServiceMode::OneWay)
    }

    /// Sends every request for `path` to `service` and answers 202 once the broker has
    /// it, with where its reply is to be had.
    pub fn accepted(path: impl Into<String>, service: impl Into<Arc<str>>) -> Self {
        Self::to_service(path, service, ServiceMode::Accepted)
    }

    /// Sends every request for `path` to `service` and answers with its replies
    /// as server-sent events, lines of JSON or bytes, as its client asks.
    pub fn stream(path: impl Into<String>, service: impl Into<Arc<str>>) -> Self {
        Self::to_service(path, service, ServiceMode::Stream)
    }

    /// Opens a WebSocket for every request for `path`, with replies of `service` as its
    /// messages.
    pub fn websocket(
        path: impl Into<String>,
        service: impl Into<Arc<str>>,
        rules: WebSocket,
    ) -> Self {
        Self {
            websocket: rules,
            ..Self::to_service(path, service, ServiceMode::WebSocket)
        }
    }

    /// Answers every GET for `path` with one document of these parts.
    pub fn aggregate<N: Into<String>>(
        path: impl Into<String>,
        parts: impl IntoIterator<Item = (N, Part)>,
    ) -> Self {
        let parts = parts.into_iter().map(|(name, part)| (name.into(), part));
        Self::new(path, Target::Aggregate(parts.collect())).methods([Method::GET])
    }

    /// Sends every request for `path` to the legacy upstream.
    pub fn legacy(path: impl Into<String>) -> Self {
        Self::new(path, Target::Legacy)
    }

    /// Takes requests of these methods only.
    #[must_use]
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.methods = methods.into_iter().collect();
        self
    }

    /// Lets a request wait this long for the head of its answer.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Lets its service take this long over a request that is answered later.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }

    /// Lets clients of a call say how long they wait.
    #[must_use]
    pub fn prefer(mut self) -> Self {
        self.prefer = true;
        self
    }

    /// Lets clients of a call ask for what was answered after the `timeout`.
    #[must_use]
    pub fn late_replies(mut self) -> Self {
        self.late_replies = true;
        self
    }

    /// Gives answers of its service again, as these say in `Cache-Control`.
    #[must_use]
    pub fn cache(mut self) -> Self {
        self.cache = true;
        self
    }

    /// Lets clients of a stream go on with it where their connection broke, when they come
    /// back within this time.
    #[must_use]
    pub fn resume(mut self, within: Duration) -> Self {
        self.resume = Some(within);
        self
    }

    /// Moves it from the legacy upstream to its service by these rules.
    #[must_use]
    pub fn migration(mut self, migration: Migration) -> Self {
        self.migration = Some(migration);
        self
    }

    /// Goes by these rules where its service fails, and by the gateway's in what they do
    /// not say. Without effect on a legacy route.
    #[must_use]
    pub fn breaker(mut self, rules: BreakerRules) -> Self {
        self.breaker = rules;
        self
    }

    /// Takes requests of clients only that prove in one of these ways who they are, and
    /// that have all of `scopes`.
    #[must_use]
    pub fn auth(
        mut self,
        credentials: impl IntoIterator<Item = Credential>,
        scopes: impl IntoIterator<Item = String>,
    ) -> Self {
        self.auth = Some(credentials.into_iter().collect());
        self.scopes = scopes.into_iter().collect();
        self
    }

    /// Changes requests on their way, and their answers.
    #[must_use]
    pub fn rewriting(mut self, rewriting: Rewriting) -> Self {
        self.rewriting = rewriting;
        self
    }

    /// Lets no more than this go through it.
    #[must_use]
    pub fn limits(mut self, limits: RouteLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Decides the record's key by `rule`. Without effect on a legacy route.
    #[must_use]
    pub fn key(mut self, rule: KeyRule) -> Self {
        if let Target::Service { key, .. } = &mut self.target {
            *key = rule;
        }
        self
    }

    /// How it is called in metrics and in what is told of it.
    pub(crate) fn label(&self) -> String {
        let methods: Vec<&str> = self.methods.iter().map(Method::as_str).collect();
        match methods.as_slice() {
            [] => self.path.clone(),
            methods => format!("{} {}", methods.join(","), self.path),
        }
    }

    /// What commands call it, where it moves.
    pub(crate) fn moving_name(&self) -> Option<String> {
        let migration = self.migration.as_ref()?;
        Some(migration.name.clone().unwrap_or_else(|| self.label()))
    }

    /// The service of a route whose replies nobody waits for.
    pub(crate) fn one_way_to(&self) -> Option<Arc<str>> {
        match &self.target {
            Target::Service {
                service,
                mode: ServiceMode::OneWay | ServiceMode::Accepted,
                ..
            } => Some(Arc::clone(service)),
            _ => None,
        }
    }

    fn to_service(
        path: impl Into<String>,
        service: impl Into<Arc<str>>,
        mode: ServiceMode,
    ) -> Self {
        let target = Target::Service {
            service: service.into(),
            mode,
            key: KeyRule::Default,
        };
        Self::new(path, target)
    }

    pub(super) fn new(path: impl Into<String>, target: Target) -> Self {
        Self {
            methods: Vec::new(),
            path: path.into(),
            target,
            timeout: None,
            within: None,
            prefer: false,
            late_replies: false,
            cache: false,
            resume: None,
            websocket: WebSocket::default(),
            migration: None,
            breaker: BreakerRules::default(),
            auth: None,
            scopes: Vec::new(),
            cors: RouteCors::default(),
            rewriting: Rewriting::default(),
            limits: RouteLimits::default(),
        }
    }
}
