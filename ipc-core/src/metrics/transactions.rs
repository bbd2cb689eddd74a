//! Transactions of exactly-once endpoints.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};

use super::TransactionEnd;
use super::histogram::Histogram;
use super::labels::TransactionLabels;
use super::series::latencies;

/// What is counted of the transactions that commit outputs and offsets.
#[derive(Debug)]
pub struct TransactionMetrics {
    ended: Family<TransactionLabels, Counter>,
    duration: Histogram,
    outputs: Counter,
}

impl TransactionMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            ended: Family::default(),
            duration: latencies(),
            outputs: Counter::default(),
        };
        registry.register(
            "transactions",
            "Transactions of outputs and offsets, by how they ended",
            metrics.ended.clone(),
        );
        registry.register_with_unit(
            "transaction_duration",
            "From the beginning of a transaction until its end is known, further attempts included",
            Unit::Seconds,
            metrics.duration.clone(),
        );
        registry.register(
            "transaction_outputs",
            "Records of handlers' outputs that were committed",
            metrics.outputs.clone(),
        );
        metrics
    }

    /// Counts a transaction whose end is known, after so long.
    pub fn ended(&self, end: TransactionEnd, after: Duration) {
        self.ended.get_or_create(&TransactionLabels { end }).inc();
        self.duration.observe(after);
    }

    /// Counts outputs that were committed.
    pub fn outputs(&self, records: u64) {
        self.outputs.inc_by(records);
    }
}
