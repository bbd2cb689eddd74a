//! What is counted of WebSockets.

use std::sync::Arc;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Which way a message goes, as a label.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the labels' values")]
pub(super) enum Direction {
    /// From the client to the service.
    to_service,
    /// From the service to the client.
    to_client,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct RouteLabels {
    route: Arc<str>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct MessageLabels {
    route: Arc<str>,
    direction: Direction,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct EndLabels {
    route: Arc<str>,
    end: &'static str,
}

/// The metrics of all WebSockets.
#[derive(Clone, Debug, Default)]
pub(crate) struct SocketMetrics {
    open: Family<RouteLabels, Gauge>,
    messages: Family<MessageLabels, Counter>,
    ended: Family<EndLabels, Counter>,
}

/// Those of one WebSocket, which is open until this is dropped.
#[derive(Debug)]
pub(super) struct Counted {
    metrics: SocketMetrics,
    route: Arc<str>,
    open: Gauge,
    to_service: Counter,
    to_client: Counter,
}

impl SocketMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "sockets_open",
            "WebSockets whose messages go over Kafka",
            self.open.clone(),
        );
        registry.register(
            "socket_messages",
            "Messages that have gone through these",
            self.messages.clone(),
        );
        registry.register(
            "sockets_ended",
            "Those that have ended, by how",
            self.ended.clone(),
        );
    }

    pub(super) fn opened(&self, route: &Arc<str>) -> Counted {
        let counter = |direction| {
            let route = Arc::clone(route);
            let labels = MessageLabels { route, direction };
            self.messages.get_or_create_owned(&labels)
        };
        let labels = RouteLabels {
            route: Arc::clone(route),
        };
        let open = self.open.get_or_create_owned(&labels);
        open.inc();
        Counted {
            metrics: self.clone(),
            route: Arc::clone(route),
            open,
            to_service: counter(Direction::to_service),
            to_client: counter(Direction::to_client),
        }
    }
}

impl Counted {
    pub(super) fn message_to_service(&self) {
        self.to_service.inc();
    }

    pub(super) fn message_to_client(&self) {
        self.to_client.inc();
    }

    pub(super) fn ended(&self, end: &'static str) {
        let route = Arc::clone(&self.route);
        let labels = EndLabels { route, end };
        self.metrics.ended.get_or_create(&labels).inc();
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.open.dec();
    }
}
