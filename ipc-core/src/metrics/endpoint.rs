//! One endpoint's handler and outcomes.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::histogram::Histogram;
use super::labels::{EndpointLabels, HandlerLabels, OutcomeLabels};
use super::series::{HistogramFamily, latencies};
use super::{HandlerResult, Settled};

/// The metrics every endpoint has, by endpoint.
#[derive(Debug)]
pub(super) struct Families {
    outcomes: Family<OutcomeLabels, Counter>,
    results: Family<HandlerLabels, Counter>,
    duration: HistogramFamily<EndpointLabels>,
    running: Family<EndpointLabels, Gauge>,
}

impl Families {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let families = Self {
            outcomes: Family::default(),
            results: Family::default(),
            duration: Family::new_with_constructor(latencies as fn() -> Histogram),
            running: Family::default(),
        };
        registry.register(
            "outcomes",
            "What became of records",
            families.outcomes.clone(),
        );
        registry.register(
            "handler_results",
            "What single runs of handlers came to",
            families.results.clone(),
        );
        registry.register_with_unit(
            "handler_duration",
            "How long a handler ran",
            Unit::Seconds,
            families.duration.clone(),
        );
        registry.register(
            "handlers_running",
            "Handlers at work",
            families.running.clone(),
        );
        families
    }

    pub(super) fn endpoint(&self, name: &Arc<str>) -> EndpointMetrics {
        let labels = EndpointLabels {
            endpoint: Arc::clone(name),
        };
        let outcome = |settled| {
            self.outcomes
                .get_or_create_owned(&outcome_labels(name, settled))
        };
        let result = |result| {
            self.results
                .get_or_create_owned(&handler_labels(name, result))
        };
        EndpointMetrics {
            ran: result(HandlerResult::Done),
            replied: result(HandlerResult::Reply),
            done: outcome(Settled::Done),
            reply: outcome(Settled::Reply),
            duration: self.duration.get_or_create_owned(&labels),
            running: self.running.get_or_create_owned(&labels),
            outcomes: self.outcomes.clone(),
            results: self.results.clone(),
            name: Arc::clone(name),
        }
    }
}

fn outcome_labels(endpoint: &Arc<str>, settled: Settled) -> OutcomeLabels {
    let (outcome, detail) = settled.labels();
    OutcomeLabels {
        endpoint: Arc::clone(endpoint),
        outcome,
        detail,
    }
}

fn handler_labels(endpoint: &Arc<str>, result: HandlerResult) -> HandlerLabels {
    let (result, detail) = result.labels();
    HandlerLabels {
        endpoint: Arc::clone(endpoint),
        result,
        detail,
    }
}

/// What is counted and timed for one endpoint.
#[derive(Debug)]
pub struct EndpointMetrics {
    name: Arc<str>,
    // what a healthy endpoint comes to, found once
    ran: Counter,
    replied: Counter,
    done: Counter,
    reply: Counter,
    duration: Histogram,
    running: Gauge,
    outcomes: Family<OutcomeLabels, Counter>,
    results: Family<HandlerLabels, Counter>,
}

impl EndpointMetrics {
    /// Counts what became of a record: once for each, and once more for each
    /// retry, wait and end of a stream on its way.
    #[inline]
    pub fn settled(&self, settled: Settled) {
        match settled {
            Settled::Done => self.done.inc(),
            Settled::Reply => self.reply.inc(),
            other => self
                .outcomes
                .get_or_create(&outcome_labels(&self.name, other))
                .inc(),
        };
    }

    /// Counts a handler as running until its end is recorded.
    #[inline]
    pub fn handler_started(&self) {
        self.running.inc();
    }

    /// Records the end of a handler that was counted as running.
    #[inline]
    pub fn handler_ended(&self, result: HandlerResult, took: Duration) {
        match result {
            HandlerResult::Done => self.ran.inc(),
            HandlerResult::Reply => self.replied.inc(),
            other => self
                .results
                .get_or_create(&handler_labels(&self.name, other))
                .inc(),
        };
        self.running.dec();
        self.duration.observe(took);
    }
}
