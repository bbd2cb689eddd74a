//! Recognising repetitions.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::ClaimResult;
use super::labels::ClaimLabels;

/// What is counted of the dedup store.
#[derive(Debug)]
pub struct DedupMetrics {
    claims: Family<ClaimLabels, Counter>,
}

impl DedupMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            claims: Family::default(),
        };
        registry.register(
            "dedup_claims",
            "Requests that asked the dedup store, by what it came to",
            metrics.claims.clone(),
        );
        metrics
    }

    /// Counts what a request learnt of its claim.
    pub fn claimed(&self, result: ClaimResult) {
        self.claims.get_or_create(&ClaimLabels { result }).inc();
    }
}
