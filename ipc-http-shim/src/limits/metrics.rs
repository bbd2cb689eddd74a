//! What limits count and show.

use std::sync::Arc;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Which bound a connection was over, as a label.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the labels' values")]
pub(crate) enum ConnectionBound {
    /// Of all connections.
    total,
    /// Of those of one address.
    address,
}

/// Which requests to a service, as a label.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the labels' values")]
pub(crate) enum Traffic {
    /// Those that somebody waits for.
    live,
    /// Those that nobody does.
    batch,
}

/// What a connection waited for too long, as a label.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the labels' values")]
pub(crate) enum Awaited {
    /// The head of its first request.
    header,
    /// Its next request.
    request,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct BoundLabels {
    bound: ConnectionBound,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct LimitedLabels {
    route: Arc<str>,
    limit: String,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct ServiceLabels {
    service: Arc<str>,
    traffic: Traffic,
}

/// What is shown of how many requests to a service may be under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConcurrencyGauges {
    pub(crate) limit: Gauge,
    pub(crate) under_way: Gauge,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct AwaitedLabels {
    awaited: Awaited,
}

/// The metrics of all limits.
#[derive(Clone, Debug, Default)]
pub(crate) struct LimitMetrics {
    connections: Gauge,
    connections_refused: Family<BoundLabels, Counter>,
    connections_timed_out: Family<AwaitedLabels, Counter>,
    limited: Family<LimitedLabels, Counter>,
    counted_alone: Counter,
    concurrency_limit: Family<ServiceLabels, Gauge>,
    concurrency_in_use: Family<ServiceLabels, Gauge>,
}

impl LimitMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "connections",
            "Connections that are open",
            self.connections.clone(),
        );
        registry.register(
            "connections_refused",
            "Connections closed at once, by the bound they were over",
            self.connections_refused.clone(),
        );
        registry.register(
            "connections_timed_out",
            "Connections closed without a request, by what did not come",
            self.connections_timed_out.clone(),
        );
        registry.register(
            "limited",
            "Requests refused for a limit, by the limit",
            self.limited.clone(),
        );
        registry.register(
            "rates_counted_alone",
            "Requests counted by this replica alone, because the Redis of all did not answer",
            self.counted_alone.clone(),
        );
        registry.register(
            "concurrency_limit",
            "How many requests to a service may be under way",
            self.concurrency_limit.clone(),
        );
        registry.register(
            "concurrency_in_use",
            "How many requests to a service are under way",
            self.concurrency_in_use.clone(),
        );
    }

    /// Counts a request of a route that was over a limit, which the configuration names.
    pub(crate) fn limited(&self, route: &Arc<str>, limit: &str) {
        let labels = LimitedLabels {
            route: Arc::clone(route),
            limit: limit.to_owned(),
        };
        self.limited.get_or_create(&labels).inc();
    }

    /// Notes that a request is counted by this replica alone, which should not be.
    pub(crate) fn counted_alone(&self) {
        self.counted_alone.inc();
    }

    /// What is shown of a service's concurrency.
    pub(crate) fn concurrency(&self, service: &Arc<str>, traffic: Traffic) -> ConcurrencyGauges {
        let labels = ServiceLabels {
            service: Arc::clone(service),
            traffic,
        };
        ConcurrencyGauges {
            limit: self.concurrency_limit.get_or_create_owned(&labels),
            under_way: self.concurrency_in_use.get_or_create_owned(&labels),
        }
    }

    /// How many connections are open.
    pub(crate) fn connections(&self) -> &Gauge {
        &self.connections
    }

    /// Counts a connection that was over a bound.
    pub(crate) fn connection_refused(&self, bound: ConnectionBound) {
        let labels = BoundLabels { bound };
        self.connections_refused.get_or_create(&labels).inc();
    }

    /// Counts a connection that was closed for what did not come.
    pub(crate) fn connection_timed_out(&self, awaited: Awaited) {
        let labels = AwaitedLabels { awaited };
        self.connections_timed_out.get_or_create(&labels).inc();
    }
}
