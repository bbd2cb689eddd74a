//! What is counted of streams that clients can go on with.

use std::sync::Arc;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What became of a client that came back, as a label.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the labels' values")]
pub(super) enum Outcome {
    /// It got what it missed, and what follows.
    resumed,
    /// It has everything already.
    complete,
    /// Its stream is not here, or what it missed is not: its request is made anew.
    anew,
}

/// Why a stream was given up before its service ended it, as a label.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the labels' values")]
pub(super) enum Reason {
    /// Its client did not come back in time.
    time,
    /// Others needed its place.
    room,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct OutcomeLabels {
    route: Arc<str>,
    outcome: Outcome,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct ReasonLabels {
    route: Arc<str>,
    reason: Reason,
}

/// The metrics of kept streams.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeptMetrics {
    resumptions: Family<OutcomeLabels, Counter>,
    given_up: Family<ReasonLabels, Counter>,
    waiting: Gauge,
}

impl KeptMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "stream_resumptions",
            "Clients that came back with the id of their last event",
            self.resumptions.clone(),
        );
        registry.register(
            "streams_given_up",
            "Streams whose client did not come back",
            self.given_up.clone(),
        );
        registry.register(
            "streams_waiting",
            "Streams that wait for their client to come back",
            self.waiting.clone(),
        );
    }

    pub(super) fn came_back(&self, route: &Arc<str>, outcome: Outcome) {
        let route = Arc::clone(route);
        let labels = OutcomeLabels { route, outcome };
        self.resumptions.get_or_create(&labels).inc();
    }

    pub(super) fn given_up(&self, route: &Arc<str>, reason: Reason) {
        let route = Arc::clone(route);
        let labels = ReasonLabels { route, reason };
        self.given_up.get_or_create(&labels).inc();
    }

    pub(super) fn show_waiting(&self, streams: usize) {
        self.waiting.set(i64::try_from(streams).unwrap_or(i64::MAX));
    }
}
