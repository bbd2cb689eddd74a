//! The outbox.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::series::Held;

/// What is counted of an outbox.
#[derive(Debug)]
pub struct OutboxMetrics {
    messages: Gauge,
    oldest: Gauge<f64, AtomicU64>,
    parked_messages: Gauge,
    leading: Gauge,
    sent: Counter,
    parked: Counter,
}

impl OutboxMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            messages: Gauge::default(),
            oldest: Gauge::default(),
            parked_messages: Gauge::default(),
            leading: Gauge::default(),
            sent: Counter::default(),
            parked: Counter::default(),
        };
        registry.register(
            "outbox_messages",
            "Messages in the outbox, up to 100 000",
            metrics.messages.clone(),
        );
        registry.register_with_unit(
            "outbox_oldest",
            "How long the oldest message of the outbox that is not parked has waited",
            Unit::Seconds,
            metrics.oldest.clone(),
        );
        registry.register(
            "outbox_parked",
            "Messages of the outbox that wait for somebody to decide",
            metrics.parked_messages.clone(),
        );
        registry.register(
            "outbox_leading",
            "Whether this instance relays the outbox",
            metrics.leading.clone(),
        );
        registry.register(
            "outbox_sent",
            "Messages of the outbox that the log has acknowledged",
            metrics.sent.clone(),
        );
        registry.register(
            "outbox_refused",
            "Messages of the outbox that were parked because they are too large",
            metrics.parked.clone(),
        );
        metrics
    }

    /// Sets what waits at present.
    pub fn waits(&self, messages: i64, parked: i64, oldest: Duration) {
        self.messages.set(messages);
        self.parked_messages.set(parked);
        self.oldest.set(oldest.as_secs_f64());
    }

    /// Shows this instance as the one that relays until the guard is dropped.
    pub fn leading(&self) -> Held {
        Held::one_in(&self.leading)
    }

    /// Counts a message that the log has acknowledged.
    pub fn sent(&self) {
        self.sent.inc();
    }

    /// Counts a message that was parked.
    pub fn parked(&self) {
        self.parked.inc();
    }
}
