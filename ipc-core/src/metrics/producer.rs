//! Sending records.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::SendFailure;
use super::labels::SendFailureLabels;

/// What is counted for records sent.
#[derive(Debug)]
pub struct ProducerMetrics {
    sent: Counter,
    failures: Family<SendFailureLabels, Counter>,
}

impl ProducerMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            sent: Counter::default(),
            failures: Family::default(),
        };
        registry.register(
            "records_sent",
            "Records acknowledged by the broker",
            metrics.sent.clone(),
        );
        registry.register(
            "send_failures",
            "Records not acknowledged by the broker",
            metrics.failures.clone(),
        );
        metrics
    }

    /// Counts a record the broker has acknowledged.
    pub fn sent(&self) {
        self.sent.inc();
    }

    /// Counts a record the broker has not acknowledged.
    pub fn failed(&self, reason: SendFailure) {
        self.failures
            .get_or_create(&SendFailureLabels { reason })
            .inc();
    }
}
