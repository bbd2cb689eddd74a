//! What the shim listens on, where requests go, and within which limits.
//!
//! A configuration is one file, TOML or YAML, with environment variables and flags over
//! it; [`load`] reads all three and lists every mistake at once. A program that
//! embeds the shim starts from [`Config::default`] instead.

mod access_log;
mod auth;
mod breaker;
mod cors;
pub(crate) mod document;
mod inspect;
mod kafka;
mod legacy_tls;
mod limits;
mod load;
mod migration;
pub(crate) mod mistake;
mod operations;
mod overrides;
mod parts;
mod properties;
mod proxies;
mod rate;
mod referred;
mod rewriting;
mod route;
mod routes;
mod schema;
mod secret;
pub(crate) mod section;
mod security_headers;
mod services;
mod shared_rates;
mod sidecar;
mod suggest;
mod tls;
mod trace;
pub(crate) mod value;
mod webhook;
mod websocket;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use ipc_core::transport::kafka::KafkaConfig;

pub use access_log::{AccessLog, LineFormat, LogOutput, PeerShown, Sample};
pub use auth::{
    ApiKey, Auth, CertificateName, Credential, Issuer, KeyHash, KeySource, KnownCertificate,
    Signing, TokenAlgorithm,
};
pub use breaker::{BreakerMode, BreakerRules};
pub use cors::{Cors, RouteCors};
pub use inspect::{Question, effective, explain};
pub use limits::{ConcurrencyBounds, InFlight, Limits, RouteLimits};
pub use load::load;
pub use mistake::{Mistake, Mistakes, Place};
pub use operations::Operations;
pub use overrides::{Override, Overrides};
pub use parts::Part;
pub(crate) use parts::{MISSING, faults as part_faults};
pub use properties::KafkaProperties;
pub use proxies::{ClientHeader, Proxies};
pub use rate::{Per, Rate, Rates};
pub(crate) use referred::referred;
pub(crate) use rewriting::has_broken_escape;
pub use rewriting::{Escape, HeaderChanges, Passing, PathRewrite, Rewriting};
pub use route::{KeyRule, Route, ServiceMode, Target};
pub use routes::{Lookup, RouteFault, RouteTable};
pub use schema::schema;
pub use services::ServicePattern;
pub use shared_rates::SharedRates;
pub use tls::Tls;
pub use trace::Trace;
pub use value::LegacyOrigin;
pub use websocket::WebSocket;

use crate::migration::Webhook;
use crate::tls::ClientTls;

/// Everything the shim is told at start.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Whether it stands beside a process and is for that alone: everything below the
    /// name of each of `services` is a route to it, and a process that was told a deadline
    /// hands it on. Where a file says so, it listens on loopback. Default: no.
    pub sidecar: bool,
    /// Where HTTP clients are served, HTTP/1.1 and cleartext HTTP/2 on one port.
    /// Default: `0.0.0.0:8080`.
    pub listen: SocketAddr,
    /// Where `/livez`, `/readyz`, `/startupz` and `/metrics` are served; `None`
    /// serves them nowhere. Default: `0.0.0.0:9090`.
    pub admin: Option<SocketAddr>,
    /// The name all instances of this shim share: their replies arrive on the
    /// topic `<fleet>.replies`. Default: `shim`.
    pub fleet: String,
    /// Put before every topic name. Default: nothing.
    pub topic_prefix: String,
    /// Makes the reply topic with this many partitions where it is missing: at
    /// least one for each instance. Default: it must exist.
    pub reply_partitions: Option<i32>,
    /// librdkafka properties by their own names. Default: none, which is enough
    /// only where no route names a service.
    pub kafka: KafkaProperties,
    /// Where requests go that no route names. Default: nowhere, they get 404.
    pub legacy: Option<LegacyOrigin>,
    /// How the legacy upstream is trusted where it is asked over TLS, and what it is
    /// shown. Default: as the system trusts, and nothing.
    pub legacy_tls: Option<ClientTls>,
    /// How long a request may wait for the head of its answer, where its route
    /// does not say. Default: 30 s.
    pub timeout: Duration,
    /// How long requests under way may go on once nothing more is accepted.
    /// Default: 25 s.
    pub drain: Duration,
    /// How long requests go on being accepted after a signal to stop, while readiness is
    /// false already: what sends them here takes its time to notice. Default: 0 s.
    pub drain_delay: Duration,
    /// How much a client may take, and how long it may take over it.
    pub limits: Limits,
    /// How connections are secured. Default: they are not.
    pub tls: Option<Tls>,
    /// When requests to a service that fails are no longer sent, where its route does not
    /// say. Default: they are, and what a breaker would refuse is counted.
    pub breaker: BreakerRules,
    /// How requests stand in a trace. Default: as they came.
    pub trace: Trace,
    /// What is told of each request, and where. Default: nothing.
    pub access_log: Option<AccessLog>,
    /// How clients prove who they are. Default: they need not.
    pub auth: Auth,
    /// Who is told of every step of a route that moves. Default: nobody.
    pub webhook: Option<Webhook>,
    /// Where all replicas count by the same rates. Default: each counts by itself.
    pub shared_rates: Option<SharedRates>,
    /// Where and how long the answers can be had of requests that are answered later.
    pub operations: Operations,
    /// Which pages of other origins may call. Default: as who answers says.
    pub cors: Option<Cors>,
    /// Headers of every answer that has no other of the same name. Default: none, and
    /// answers of the gateway's own have `x-content-type-options: nosniff`.
    pub security_headers: Vec<(HeaderName, HeaderValue)>,
    /// Which services routes may name. Empty: every one. Default: empty.
    pub services: Vec<ServicePattern>,
    /// Which proxies before this one say truly for whom a request is.
    pub proxies: Proxies,
    /// Which requests go to which service. Default: none.
    pub routes: Vec<Route>,
}

impl Config {
    /// Whether any route sends requests over Kafka.
    #[must_use]
    pub fn uses_kafka(&self) -> bool {
        let over_kafka = |route: &Route| matches!(route.target, Target::Service { .. });
        self.routes.iter().any(over_kafka)
    }

    /// Whether any route has requests that are answered later.
    #[must_use]
    pub fn has_operations(&self) -> bool {
        self.routes.iter().any(Route::is_answered_later)
    }

    /// How the cluster is reached; at no address where none is set.
    #[must_use]
    pub fn kafka_config(&self) -> KafkaConfig {
        let bootstrap = self.kafka.bootstrap().unwrap_or_default();
        let mut kafka = KafkaConfig::new(bootstrap).topic_prefix(&self.topic_prefix);
        if self.sidecar {
            kafka = kafka.set("fetch.wait.max.ms", sidecar::FETCH_WAIT_MS);
        }
        let others = self.kafka.others();
        others.fold(kafka, |kafka, (name, value)| kafka.set(name, value))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sidecar: false,
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080)),
            admin: Some(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9090))),
            fleet: "shim".to_owned(),
            topic_prefix: String::new(),
            reply_partitions: None,
            kafka: KafkaProperties::default(),
            legacy: None,
            legacy_tls: None,
            timeout: Duration::from_secs(30),
            drain: Duration::from_secs(25),
            drain_delay: Duration::ZERO,
            limits: Limits::default(),
            tls: None,
            breaker: BreakerRules::default(),
            trace: Trace::default(),
            access_log: None,
            auth: Auth::default(),
            webhook: None,
            shared_rates: None,
            operations: Operations::default(),
            cors: None,
            security_headers: Vec::new(),
            services: Vec::new(),
            proxies: Proxies::default(),
            routes: Vec::new(),
        }
    }
}
