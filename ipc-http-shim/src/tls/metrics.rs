//! What is counted of TLS.

use std::sync::atomic::AtomicU64;
use std::time::SystemTime;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// What is counted of TLS. Clones count the same; without TLS there are no series.
#[derive(Clone, Default, Debug)]
pub(crate) struct TlsMetrics {
    handshakes: Family<OutcomeLabels, Counter>,
    not_after: Family<CertificateLabels, Gauge<f64, AtomicU64>>,
}

/// How a handshake ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Handshake {
    Completed,
    /// The two did not agree, or what came was no TLS.
    Failed,
    TimedOut,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct CertificateLabels {
    certificate: &'static str,
}

impl TlsMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "tls_handshakes",
            "TLS handshakes with clients",
            Family::clone(&self.handshakes),
        );
        registry.register_with_unit(
            "tls_certificate_not_after",
            "When a certificate in use ends, since 1970",
            Unit::Seconds,
            Family::clone(&self.not_after),
        );
    }

    pub(crate) fn ended(&self, handshake: Handshake) {
        let outcome = match handshake {
            Handshake::Completed => "completed",
            Handshake::Failed => "failed",
            Handshake::TimedOut => "timed_out",
        };
        self.handshakes
            .get_or_create(&OutcomeLabels { outcome })
            .inc();
    }

    /// Tells when the certificate that is shown to clients ends.
    pub(crate) fn listener(&self, not_after: SystemTime) {
        self.set("listener", not_after);
    }

    /// Tells when the certificate that is shown to the legacy upstream ends.
    pub(crate) fn legacy(&self, not_after: SystemTime) {
        self.set("legacy", not_after);
    }

    fn set(&self, certificate: &'static str, not_after: SystemTime) {
        let seconds = not_after.duration_since(SystemTime::UNIX_EPOCH);
        let seconds = seconds.unwrap_or_default().as_secs_f64();
        let labels = CertificateLabels { certificate };
        self.not_after.get_or_create(&labels).set(seconds);
    }
}
