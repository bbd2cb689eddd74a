//! What the gateway counts and times, in Prometheus' terms.

use std::sync::Arc;
use std::time::Instant;

use http::StatusCode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::breaker::BreakerMetrics;
use crate::migration::metrics::MigrationMetrics;
use crate::tls::metrics::TlsMetrics;

/// Upper bounds in seconds.
const DURATIONS: [f64; 16] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0,
];

/// Where requests go, as a label.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the labels' values")]
pub(crate) enum Mode {
    /// To a service, for one reply.
    call,
    /// To a service, for none.
    one_way,
    /// To a service, for many.
    stream,
    /// To the legacy upstream.
    legacy,
    /// Nowhere: the gateway answers itself.
    none,
}

/// How a request ended, as a label: the class of its status, or `cancelled`
/// where the client left before there was any.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct EndLabels {
    route: Arc<str>,
    mode: Mode,
    status: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct RouteLabels {
    route: Arc<str>,
    mode: Mode,
}

/// Every metric of the gateway. The number of series is bounded: routes are
/// named by the configuration, never by a request.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<EndLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    in_flight: Family<RouteLabels, Gauge>,
    migration: MigrationMetrics,
    tls: TlsMetrics,
    tunnels: Gauge,
    breakers: BreakerMetrics,
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
        let requests = Family::default();
        registry.register(
            "requests",
            "Requests answered, or left by their client",
            Family::clone(&requests),
        );
        let durations =
            Family::new_with_constructor((|| Histogram::new(DURATIONS)) as fn() -> Histogram);
        registry.register_with_unit(
            "request_duration",
            "From a request's head to its answer's head",
            Unit::Seconds,
            Family::clone(&durations),
        );
        let in_flight = Family::default();
        registry.register(
            "requests_in_flight",
            "Requests whose answer is not yet sent to its end",
            Family::clone(&in_flight),
        );
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
            requests,
            durations,
            in_flight,
            migration,
            tls,
            tunnels,
            breakers,
            reloads,
            reload_successful,
        }
    }

    /// Those of routes that move.
    pub(crate) fn migration(&self) -> &MigrationMetrics {
        &self.migration
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

    /// Counts a configuration that was read while serving.
    pub(crate) fn changed(&self, taken_over: bool) {
        let outcome = if taken_over { "taken_over" } else { "refused" };
        self.reloads.get_or_create(&ReloadLabels { outcome }).inc();
        self.reload_successful.set(taken_over.into());
    }

    /// The metrics of one route. Ask once and keep the handle.
    pub(crate) fn route(&self, route: impl Into<Arc<str>>, mode: Mode) -> RouteMetrics {
        let route = route.into();
        let labels = RouteLabels {
            route: Arc::clone(&route),
            mode,
        };
        RouteMetrics {
            duration: self.durations.get_or_create_owned(&labels),
            in_flight: self.in_flight.get_or_create_owned(&labels),
            requests: self.requests.clone(),
            labels,
        }
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

/// The metrics of one route.
#[derive(Clone, Debug)]
pub(crate) struct RouteMetrics {
    labels: RouteLabels,
    requests: Family<EndLabels, Counter>,
    duration: Histogram,
    in_flight: Gauge,
}

impl RouteMetrics {
    /// Counts a request as in flight until the guard is dropped.
    pub(crate) fn begin(&self) -> InFlight {
        self.in_flight.inc();
        InFlight {
            route: self.clone(),
            started: Instant::now(),
            answered: false,
        }
    }

    fn count(&self, status: &'static str) {
        let labels = EndLabels {
            route: Arc::clone(&self.labels.route),
            mode: self.labels.mode,
            status,
        };
        self.requests.get_or_create(&labels).inc();
    }
}

/// A request in flight.
#[derive(Debug)]
pub(crate) struct InFlight {
    route: RouteMetrics,
    started: Instant,
    answered: bool,
}

impl InFlight {
    /// Counts the answer; its body may still be on its way.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.answered = true;
        self.route
            .duration
            .observe(self.started.elapsed().as_secs_f64());
        self.route.count(class(status));
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.route.in_flight.dec();
        if !self.answered {
            self.route.count("cancelled");
        }
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        5 => "5xx",
        _ => "other",
    }
}
