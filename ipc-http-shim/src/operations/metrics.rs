//! What is counted of operations.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::board::Extent;

/// How far an operation is, as a label.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the labels' values")]
enum State {
    /// Its service has not answered.
    running,
    /// It has.
    answered,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct StateLabels {
    state: State,
}

/// The metrics of operations.
#[derive(Clone, Debug, Default)]
pub(crate) struct OperationMetrics {
    known: Family<StateLabels, Gauge>,
    bytes: Gauge,
    evicted: Counter,
}

impl OperationMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "operations",
            "Accepted requests that this gateway knows of",
            self.known.clone(),
        );
        registry.register(
            "operations_bytes",
            "How much memory these take, about",
            self.bytes.clone(),
        );
        registry.register(
            "operations_evicted",
            "Accepted requests forgotten for want of room",
            self.evicted.clone(),
        );
    }

    pub(super) fn show(&self, extent: Extent) {
        for (state, count) in [
            (State::running, extent.running),
            (State::answered, extent.answered),
        ] {
            let gauge = self.known.get_or_create(&StateLabels { state });
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        self.bytes
            .set(i64::try_from(extent.bytes).unwrap_or(i64::MAX));
        let counted = self.evicted.get();
        self.evicted.inc_by(extent.evicted.saturating_sub(counted));
    }
}
