//! Shapes shared by the groups of metrics.

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::histogram::Histogram;

/// A histogram per label set.
pub(super) type HistogramFamily<L> = Family<L, Histogram, fn() -> Histogram>;

/// Upper bounds in seconds: from a handler that answers from memory to one that
/// uses up a long deadline.
const LATENCIES: [f64; 18] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0, 60.0,
];

/// Upper bounds in seconds for what may rest in a log over a weekend.
const RESTS: [f64; 5] = [300.0, 1_800.0, 3_600.0, 21_600.0, 86_400.0];

/// A histogram for work that somebody waits for.
pub(super) fn latencies() -> Histogram {
    Histogram::new(LATENCIES)
}

/// A histogram for records that may wait in their log.
pub(super) fn rests() -> Histogram {
    Histogram::new(LATENCIES.into_iter().chain(RESTS))
}

/// One more in a gauge, until it is dropped.
#[derive(Debug)]
#[must_use = "the gauge goes down again when this is dropped"]
pub struct Held(Gauge);

impl Held {
    pub(super) fn one_in(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}
