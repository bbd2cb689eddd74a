//! What the gateway counts and times, in Prometheus' terms.

mod route;

use std::sync::Arc;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::auth::metrics::AuthMetrics;
use crate::breaker::BreakerMetrics;
use crate::cache::metrics::CacheMetrics;
use crate::kept::metrics::KeptMetrics;
use crate::limits::metrics::LimitMetrics;
use crate::migration::metrics::MigrationMetrics;
use crate::operations::metrics::OperationMetrics;
use crate::sockets::metrics::SocketMetrics;
use crate::tls::metrics::TlsMetrics;
use route::Routes;
pub(crate) use route::{InFlight, Mode, RouteMetrics};

/// Every metric of the gateway. The number of series is bounded: routes are
/// named by the configuration, never by a request.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    routes: Routes,
    migration: MigrationMetrics,
    tls: TlsMetrics,
    tunnels: Gauge,
    breakers: BreakerMetrics,
    access_log_dropped: Counter,
    auth: AuthMetrics,
    limits: LimitMetrics,
    operations: OperationMetrics,
    kept: KeptMetrics,
    sockets: SocketMetrics,
    cache: CacheMetrics,
    reloads: Family<ReloadLabels, Counter>,
    reload_successful: Gauge,
}

/// What became of a configuration that was read while serving.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct ReloadLabels {
    outcome: &'static str,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("ipc_shim");
        let routes = Routes::default();
        routes.register(&mut registry);
        let migration = MigrationMetrics::default();
        migration.register(&mut registry);
        let tls = TlsMetrics::default();
        tls.register(&mut registry);
        let tunnels = Gauge::default();
        registry.register(
            "tunnels_open",
            "Connections that clients and the legacy server have upgraded",
            Gauge::clone(&tunnels),
        );
        let breakers = BreakerMetrics::default();
        breakers.register(&mut registry);
        let access_log_dropped = Counter::default();
        registry.register(
            "access_log_lines_dropped",
            "Lines of the access log that found no room",
            Counter::clone(&access_log_dropped),
        );
        let auth = AuthMetrics::default();
        auth.register(&mut registry);
        let limits = LimitMetrics::default();
        limits.register(&mut registry);
        let operations = OperationMetrics::default();
        operations.register(&mut registry);
        let kept = KeptMetrics::default();
        kept.register(&mut registry);
        let sockets = SocketMetrics::default();
        sockets.register(&mut registry);
        let cache = CacheMetrics::default();
        cache.register(&mut registry);
        let reloads = Family::default();
        registry.register(
            "config_reloads",
            "Configurations read while serving",
            Family::clone(&reloads),
        );
        let reload_successful = Gauge::default();
        reload_successful.set(1);
        registry.register(
            "config_last_reload_successful",
            "1 where the newest configuration is the one in use",
            Gauge::clone(&reload_successful),
        );
        Self {
            registry,
            routes,
            migration,
            tls,
            tunnels,
            breakers,
            access_log_dropped,
            auth,
            limits,
            operations,
            kept,
            sockets,
            cache,
            reloads,
            reload_successful,
        }
    }

    /// Those of routes that move.
    pub(crate) fn migration(&self) -> &MigrationMetrics {
        &self.migration
    }

    /// How many lines of the access log were not written.
    pub(crate) fn access_log_dropped(&self) -> Counter {
        self.access_log_dropped.clone()
    }

    /// How many connections have been upgraded and still pass bytes.
    pub(crate) fn tunnels(&self) -> Gauge {
        self.tunnels.clone()
    }

    /// Those of TLS.
    pub(crate) fn tls(&self) -> &TlsMetrics {
        &self.tls
    }

    /// Those of breakers.
    pub(crate) fn breakers(&self) -> &BreakerMetrics {
        &self.breakers
    }

    /// Those of who may call.
    pub(crate) fn auth(&self) -> &AuthMetrics {
        &self.auth
    }

    /// Those of requests that are answered later.
    pub(crate) fn operations(&self) -> &OperationMetrics {
        &self.operations
    }

    /// Those of streams that clients can go on with.
    pub(crate) fn kept(&self) -> &KeptMetrics {
        &self.kept
    }

    /// Those of WebSockets over Kafka.
    pub(crate) fn sockets(&self) -> &SocketMetrics {
        &self.sockets
    }

    /// Those of answers that are given again.
    pub(crate) fn cache(&self) -> &CacheMetrics {
        &self.cache
    }

    /// Those of limits.
    pub(crate) fn limits(&self) -> &LimitMetrics {
        &self.limits
    }

    /// Counts a configuration that was read while serving.
    pub(crate) fn changed(&self, taken_over: bool) {
        let outcome = if taken_over { "taken_over" } else { "refused" };
        self.reloads.get_or_create(&ReloadLabels { outcome }).inc();
        self.reload_successful.set(taken_over.into());
    }

    /// The metrics of one route. Ask once and keep the handle.
    pub(crate) fn route(&self, route: impl Into<Arc<str>>, mode: Mode) -> RouteMetrics {
        self.routes.of(route.into(), mode)
    }

    /// Removes the series of a route that is served no more.
    pub(crate) fn retire(&self, route: &RouteMetrics) {
        self.routes.retire(route);
    }

    /// Everything, after the document of another registry: one document in the
    /// OpenMetrics text format, which ends once.
    pub(crate) fn render_with(&self, others: &str) -> String {
        let others = others.strip_suffix("# EOF\n").unwrap_or(others);
        let mut text = others.to_owned();
        // A `String` takes every write.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}
