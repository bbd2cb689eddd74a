//! What is counted of clients and of the keys of issuers.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::Reason;

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct DeniedLabels {
    route: Arc<str>,
    reason: Reason,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct FetchLabels {
    issuer: String,
    outcome: &'static str,
}

/// The metrics of who may call.
#[derive(Clone, Default, Debug)]
pub(crate) struct AuthMetrics {
    denied: Family<DeniedLabels, Counter>,
    fetches: Family<FetchLabels, Counter>,
}

impl AuthMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "denied",
            "Requests whose client may not send them",
            Family::clone(&self.denied),
        );
        registry.register(
            "jwks_fetches",
            "Attempts to learn the keys of an issuer",
            Family::clone(&self.fetches),
        );
    }

    /// Counts a request that was denied.
    pub(crate) fn denied(&self, route: &Arc<str>, reason: Reason) {
        let labels = DeniedLabels {
            route: Arc::clone(route),
            reason,
        };
        self.denied.get_or_create(&labels).inc();
    }

    /// Counts an attempt to learn an issuer's keys.
    pub(super) fn fetched(&self, issuer: &str, learnt: bool) {
        let labels = FetchLabels {
            issuer: issuer.to_owned(),
            outcome: if learnt { "learnt" } else { "failed" },
        };
        self.fetches.get_or_create(&labels).inc();
    }
}
