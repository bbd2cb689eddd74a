//! The configuration file as it is written.

mod access_log;
mod auth;
mod breaker;
mod cors;
mod form;
mod limits;
mod migration;
mod operations;
mod route;
mod tls;
mod trace;

use std::collections::BTreeMap;

use schemars::JsonSchema;

use access_log::AccessLog;
use auth::Auth;
use breaker::Breaker;
use cors::Cors;
use form::{
    Address, ClientHeader, Count, Duration, HeaderValues, Name, Network, Origin, Property, Services,
};
use limits::{Limits, SharedRates};
use migration::Webhook;
use operations::Operations;
use route::Route;
use tls::{LegacyTls, Tls};
use trace::Trace;

/// The configuration of ipc-http-shim, an HTTP gateway in front of services on
/// Kafka.
#[derive(Default, JsonSchema)]
#[schemars(default, deny_unknown_fields, title = "ipc-http-shim")]
pub(super) struct File {
    /// Whether it stands beside a process and serves that alone, on loopback: everything
    /// below the name of each of services is a route to it. Default: false.
    #[schemars(extend("default" = false))]
    sidecar: bool,
    /// Where HTTP clients are served. Default: 0.0.0.0:8080, of a sidecar 127.0.0.1:8080.
    #[schemars(extend("default" = "0.0.0.0:8080"))]
    listen: Address,
    /// Where health and metrics are served. Default: 0.0.0.0:9090.
    #[schemars(extend("default" = "0.0.0.0:9090"))]
    admin: Address,
    /// The name all instances of this gateway share. Default: shim, of a sidecar sidecar.
    #[schemars(extend("default" = "shim"))]
    fleet: Name,
    /// Put before every topic name. Default: nothing.
    topic_prefix: Name,
    /// Makes the reply topic with this many partitions where it is missing. Default:
    /// it must exist.
    reply_partitions: Count,
    /// Where requests go that no route names, http://host:port or https://host:port.
    /// Default: nowhere.
    legacy: Origin,
    /// How long a request may wait for the head of its answer, 250ms, 5s, 2m.
    /// Default: 30s.
    #[schemars(extend("default" = "30s"))]
    timeout: Duration,
    /// How long requests under way may go on after a signal to stop. Default: 25s.
    #[schemars(extend("default" = "25s"))]
    drain: Duration,
    /// How long requests go on being accepted after a signal to stop, while readiness is
    /// false already. Default: not at all.
    drain_delay: Duration,
    /// librdkafka properties by their own names. Secrets as ${env:NAME} or
    /// ${file:/path}.
    kafka: BTreeMap<String, Property>,
    /// How much a client may take, and how long it may take over it.
    limits: Limits,
    /// Proxies before this one that say truly for whom a request is: addresses or
    /// networks. Default: none.
    trusted_proxies: Vec<Network>,
    /// The header they append clients to. Default: x-forwarded-for.
    #[schemars(extend("default" = "x-forwarded-for"))]
    client_header: ClientHeader,
    /// TLS towards HTTP clients. Default: none.
    tls: Tls,
    /// How the legacy server is trusted where it is asked over TLS, and what it is
    /// shown. Default: as the system trusts, and nothing.
    legacy_tls: LegacyTls,
    /// When requests to a service that fails are no longer sent.
    breaker: Breaker,
    /// How requests stand in a trace.
    trace: Trace,
    /// One line for each request, once its answer has gone. Default: none.
    access_log: AccessLog,
    /// How clients prove who they are.
    auth: Auth,
    /// Who is told of every step of a route that moves. Default: nobody.
    webhook: Webhook,
    /// Where all replicas count by the same rates. Default: each counts by itself.
    shared_rates: SharedRates,
    /// Where and how long the answers can be had of requests that are answered later.
    operations: Operations,
    /// Which pages of other origins may call. Default: as who answers says.
    cors: Cors,
    /// Headers of every answer that has no other of the same name.
    security_headers: HeaderValues,
    /// Which services routes may name, or how their names begin: stock-*. Default: every
    /// one.
    services: Services,
    /// Which requests go where.
    routes: Vec<Route>,
}
