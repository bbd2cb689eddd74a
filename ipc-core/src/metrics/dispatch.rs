//! Dispatch as a whole.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::Rebalance;
use super::histogram::Histogram;
use super::labels::{ReasonLabels, RebalanceLabels, StopLabels};
use super::series::{Held, latencies, rests};

/// What dispatch counts apart from single endpoints and partitions.
#[derive(Debug)]
pub struct DispatchMetrics {
    queue_wait: Histogram,
    log_wait: Histogram,
    rebalances: Family<RebalanceLabels, Counter>,
    stopped: Family<StopLabels, Gauge>,
    revoke_drains_exceeded: Counter,
    dead_letters: Family<ReasonLabels, Counter>,
    retries_over_budget: Counter,
    partitions_suspected: Counter,
    chunks_discarded: Counter,
    open_streams: Gauge,
    presence_sent: Counter,
    control_records_ignored: Counter,
}

impl DispatchMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            queue_wait: latencies(),
            log_wait: rests(),
            rebalances: Family::default(),
            stopped: Family::default(),
            revoke_drains_exceeded: Counter::default(),
            dead_letters: Family::default(),
            retries_over_budget: Counter::default(),
            partitions_suspected: Counter::default(),
            chunks_discarded: Counter::default(),
            open_streams: Gauge::default(),
            presence_sent: Counter::default(),
            control_records_ignored: Counter::default(),
        };
        registry.register_with_unit(
            "queue_wait",
            "From a record's arrival in this process to the start of its handler",
            Unit::Seconds,
            metrics.queue_wait.clone(),
        );
        registry.register_with_unit(
            "log_wait",
            "From a record's own timestamp to the start of its handler",
            Unit::Seconds,
            metrics.log_wait.clone(),
        );
        registry.register(
            "rebalances",
            "Changes of this instance's assignment",
            metrics.rebalances.clone(),
        );
        registry.register(
            "consumption_stopped",
            "1 while nothing is consumed for an endpoint, or with an empty one for all, by who stopped it",
            metrics.stopped.clone(),
        );
        registry.register(
            "revoke_drains_exceeded",
            "Revocations whose drain did not finish within its bound",
            metrics.revoke_drains_exceeded.clone(),
        );
        registry.register(
            "dead_letters",
            "Dead letters acknowledged by the broker",
            metrics.dead_letters.clone(),
        );
        registry.register(
            "retries_over_budget",
            "Failed attempts that wait their longest because the retry budget is spent",
            metrics.retries_over_budget.clone(),
        );
        registry.register(
            "partitions_suspected",
            "Partitions taken over from an owner that ended without a word and without progress",
            metrics.partitions_suspected.clone(),
        );
        registry.register(
            "chunks_discarded",
            "Records of requests in chunks that were finished without being handled",
            metrics.chunks_discarded.clone(),
        );
        registry.register(
            "open_streams",
            "Reply streams that are open",
            metrics.open_streams.clone(),
        );
        registry.register(
            "presence_sent",
            "Presence records sent",
            metrics.presence_sent.clone(),
        );
        registry.register(
            "control_records_ignored",
            "Control records that could not be read or are of an unknown kind",
            metrics.control_records_ignored.clone(),
        );
        metrics
    }

    /// Records how long a record waited for its handler: since it arrived here
    /// and, where its timestamp says, since it was written.
    #[inline]
    pub fn waited(&self, since_arrival: Duration, since_written: Option<Duration>) {
        self.queue_wait.observe(since_arrival);
        if let Some(wait) = since_written {
            self.log_wait.observe(wait);
        }
    }

    /// Counts a change of the assignment.
    pub fn rebalanced(&self, kind: Rebalance) {
        self.rebalances
            .get_or_create(&RebalanceLabels { kind })
            .inc();
    }

    /// Says that nothing is consumed for `endpoint`, a policy's name, or with an empty
    /// one for all of them, until the guard is dropped.
    pub fn stopped(&self, endpoint: &str, cause: &'static str) -> Held {
        let labels = StopLabels {
            endpoint: Arc::from(endpoint),
            cause,
        };
        Held::one_in(&self.stopped.get_or_create_owned(&labels))
    }

    /// Counts a revocation that went on before everything was drained.
    pub fn revoke_drain_exceeded(&self) {
        self.revoke_drains_exceeded.inc();
    }

    /// Counts a dead letter the broker has acknowledged. `reason` is the value of
    /// its `ipc-dlq-reason` header.
    pub fn dead_lettered(&self, reason: &'static str) {
        self.dead_letters
            .get_or_create(&ReasonLabels { reason })
            .inc();
    }

    /// Counts a failed attempt that found the retry budget spent.
    pub fn retry_over_budget(&self) {
        self.retries_over_budget.inc();
    }

    /// Counts a partition whose last owner ended without a word and without progress.
    pub fn partition_suspected(&self) {
        self.partitions_suspected.inc();
    }

    /// Counts records of requests in chunks whose beginning or end never came, or
    /// that had been refused by then.
    pub fn chunks_discarded(&self, records: usize) {
        self.chunks_discarded.inc_by(records as u64);
    }

    /// Counts a reply stream as open until the guard is dropped.
    pub fn stream_opened(&self) -> Held {
        Held::one_in(&self.open_streams)
    }

    /// Counts a presence record.
    pub fn presence_sent(&self) {
        self.presence_sent.inc();
    }

    /// Counts a control record that means nothing to this process.
    pub fn control_record_ignored(&self) {
        self.control_records_ignored.inc();
    }
}
