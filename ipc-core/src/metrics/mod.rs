//! What a process counts and times, in Prometheus' terms.
//!
//! [`Metrics`] is a cheap handle on one registry. Handles for an endpoint or a
//! partition are asked for once and kept: recording through them takes no lock
//! that another endpoint or partition holds. `docs/metrics.md` lists every
//! metric.
//!
//! The number of series is bounded: endpoints are named by the service's own
//! policies, partitions by its own assignment, brokers by their ids, every other
//! label is a closed set.

mod client;
mod dedup;
mod dispatch;
mod endpoint;
mod histogram;
mod kafka;
mod labels;
mod outbox;
mod partition;
mod producer;
mod series;
#[cfg(test)]
mod tests;
mod transactions;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use tokio::time::Instant;

pub use client::ClientMetrics;
pub use dedup::DedupMetrics;
pub use dispatch::DispatchMetrics;
pub use endpoint::EndpointMetrics;
pub use kafka::KafkaMetrics;
pub(crate) use kafka::{BrokerState, ClientState};
pub use labels::{
    CallOutcome, ClaimResult, ClientKind, ErrorClass, HandlerResult, Rebalance, RoundTripFigure,
    SendFailure, Settled, StreamEnd, TransactionEnd,
};
pub use outbox::OutboxMetrics;
pub use partition::PartitionMetrics;
pub use producer::ProducerMetrics;
pub use series::Held;
pub use transactions::TransactionMetrics;

/// The media type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics of one part of a process: a service, a gateway or a client of its
/// own. Clones share one registry.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    dispatch: DispatchMetrics,
    client: ClientMetrics,
    dedup: DedupMetrics,
    producer: ProducerMetrics,
    kafka: KafkaMetrics,
    outbox: OutboxMetrics,
    transactions: TransactionMetrics,
    partitions: Arc<partition::Partitions>,
    endpoints: endpoint::Families,
    known_endpoints: RwLock<BTreeMap<Arc<str>, Arc<EndpointMetrics>>>,
}

impl Metrics {
    /// A registry with every metric at nothing.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("ipc");
        Self(Arc::new(Inner {
            dispatch: DispatchMetrics::register(&mut registry),
            client: ClientMetrics::register(&mut registry),
            dedup: DedupMetrics::register(&mut registry),
            producer: ProducerMetrics::register(&mut registry),
            kafka: KafkaMetrics::register(&mut registry),
            outbox: OutboxMetrics::register(&mut registry),
            transactions: TransactionMetrics::register(&mut registry),
            partitions: Arc::new(partition::Partitions::register(&mut registry)),
            endpoints: endpoint::Families::register(&mut registry),
            known_endpoints: RwLock::default(),
            registry,
        }))
    }

    /// What dispatch as a whole counts.
    #[must_use]
    pub fn dispatch(&self) -> &DispatchMetrics {
        &self.0.dispatch
    }

    /// What callers count.
    #[must_use]
    pub fn client(&self) -> &ClientMetrics {
        &self.0.client
    }

    /// What recognising repetitions counts.
    #[must_use]
    pub fn dedup(&self) -> &DedupMetrics {
        &self.0.dedup
    }

    /// What sending counts.
    #[must_use]
    pub fn producer(&self) -> &ProducerMetrics {
        &self.0.producer
    }

    /// What the relay of an outbox counts.
    #[must_use]
    pub fn outbox(&self) -> &OutboxMetrics {
        &self.0.outbox
    }

    /// What transactions of exactly-once endpoints count.
    #[must_use]
    pub fn transactions(&self) -> &TransactionMetrics {
        &self.0.transactions
    }

    /// What the Kafka library tells of its clients.
    #[must_use]
    pub fn kafka(&self) -> &KafkaMetrics {
        &self.0.kafka
    }

    /// The metrics of one endpoint. `name` must be a policy's name, never
    /// anything a caller sent: every name stays for the life of the process.
    /// Ask once and keep the handle where that is easy; asking again costs a
    /// look-up.
    #[must_use]
    pub fn endpoint(&self, name: &Arc<str>) -> Arc<EndpointMetrics> {
        if let Some(endpoint) = self.0.known_endpoints.read().get(name) {
            return Arc::clone(endpoint);
        }
        let mut known = self.0.known_endpoints.write();
        let endpoint = known
            .entry(Arc::clone(name))
            .or_insert_with(|| Arc::new(self.0.endpoints.endpoint(name)));
        Arc::clone(endpoint)
    }

    /// The metrics of a partition assigned to this process. Its series are there
    /// while any clone of the handle is: drop it with the assignment.
    #[must_use]
    pub fn partition(&self, topic: &Arc<str>, partition: i32) -> Arc<PartitionMetrics> {
        partition::Partitions::assigned(&self.0.partitions, topic, partition)
    }

    /// Everything, in the OpenMetrics text format ([`CONTENT_TYPE`]).
    #[must_use]
    pub fn render(&self) -> String {
        self.render_at(Instant::now())
    }

    fn render_at(&self, now: Instant) -> String {
        self.0.partitions.age(now);
        let _shown = self.0.kafka.show();
        let mut text = String::new();
        // A `String` takes every write.
        let _ = text::encode(&mut text, &self.0.registry);
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
