//! Calling other services.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::CallOutcome;
use super::histogram::Histogram;
use super::labels::CallLabels;
use super::series::{Held, latencies};

/// What is counted and timed for calls.
#[derive(Debug)]
pub struct ClientMetrics {
    calls: Family<CallLabels, Counter>,
    // the outcome of a healthy call, found once
    replies: Counter,
    pending: Gauge,
    round_trip: Histogram,
    late_replies: Counter,
    stream_duplicates: Counter,
    stream_gaps: Counter,
    inbox_rebuilds: Counter,
}

impl ClientMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let calls = Family::<CallLabels, Counter>::default();
        let metrics = Self {
            replies: calls.get_or_create_owned(&CallLabels {
                outcome: CallOutcome::Reply,
            }),
            calls,
            pending: Gauge::default(),
            round_trip: latencies(),
            late_replies: Counter::default(),
            stream_duplicates: Counter::default(),
            stream_gaps: Counter::default(),
            inbox_rebuilds: Counter::default(),
        };
        registry.register(
            "client_calls",
            "Calls that ended, by how they ended",
            metrics.calls.clone(),
        );
        registry.register(
            "client_pending_calls",
            "Calls that wait for their answer",
            metrics.pending.clone(),
        );
        registry.register_with_unit(
            "client_round_trip",
            "From sending a call to its answer",
            Unit::Seconds,
            metrics.round_trip.clone(),
        );
        registry.register(
            "client_late_replies",
            "Replies nobody waited for any more",
            metrics.late_replies.clone(),
        );
        registry.register(
            "client_stream_duplicates",
            "Records of reply streams that came twice",
            metrics.stream_duplicates.clone(),
        );
        registry.register(
            "client_stream_gaps",
            "Records missing from reply streams",
            metrics.stream_gaps.clone(),
        );
        registry.register(
            "client_inbox_rebuilds",
            "Times the reply inbox was set up anew",
            metrics.inbox_rebuilds.clone(),
        );
        metrics
    }

    /// Counts a call as pending until the guard is dropped.
    pub fn call_started(&self) -> Held {
        Held::one_in(&self.pending)
    }

    /// Counts the end of a call.
    pub fn call_ended(&self, outcome: CallOutcome) {
        match outcome {
            CallOutcome::Reply => self.replies.inc(),
            outcome => self.calls.get_or_create(&CallLabels { outcome }).inc(),
        };
    }

    /// Records how long an answer took, whatever its status.
    pub fn round_trip(&self, took: Duration) {
        self.round_trip.observe(took);
    }

    /// Counts a reply nobody waits for any more.
    pub fn late_reply(&self) {
        self.late_replies.inc();
    }

    /// Counts a stream record that had come before.
    pub fn stream_duplicate(&self) {
        self.stream_duplicates.inc();
    }

    /// Counts stream records that did not come.
    pub fn stream_gap(&self, missing: u64) {
        self.stream_gaps.inc_by(missing);
    }

    /// Counts a reply inbox set up anew.
    pub fn inbox_rebuilt(&self) {
        self.inbox_rebuilds.inc();
    }
}
