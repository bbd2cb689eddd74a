//! What is counted of answers that are given again.

use std::sync::Arc;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Whether an answer was there, as a label.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the labels' values")]
enum Outcome {
    hit,
    miss,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct LookLabels {
    route: Arc<str>,
    outcome: Outcome,
}

/// The metrics of the cache.
#[derive(Clone, Debug, Default)]
pub(crate) struct CacheMetrics {
    looks: Family<LookLabels, Counter>,
    bytes: Gauge,
}

impl CacheMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "cache_lookups",
            "Requests that the cache may answer",
            self.looks.clone(),
        );
        registry.register(
            "cache_bytes",
            "How much memory the answers take that are kept, about",
            self.bytes.clone(),
        );
    }

    pub(super) fn looked(&self, route: &Arc<str>, is_hit: bool) {
        let outcome = if is_hit { Outcome::hit } else { Outcome::miss };
        let route = Arc::clone(route);
        self.looks
            .get_or_create(&LookLabels { route, outcome })
            .inc();
    }

    pub(super) fn stored(&self, bytes: u64) {
        self.bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}
