//! How often durations fell between which bounds.

use std::fmt;
use std::iter::once;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// A histogram of durations, in seconds. Clones share its figures.
///
/// Recording takes no lock, unlike the one of `prometheus-client`: it is done several
/// times for every record.
#[derive(Clone, Debug)]
pub(super) struct Histogram(Arc<Figures>);

#[derive(Debug)]
struct Figures {
    /// By upper bound, ascending; the last bound is infinite.
    buckets: Box<[Bucket]>,
    /// In nanoseconds, of which an integer holds five centuries: adding to a float
    /// that others add to takes a loop.
    sum: AtomicU64,
}

#[derive(Debug)]
struct Bucket {
    /// In seconds, as it is told.
    upper_bound: f64,
    /// The same in nanoseconds, as it is compared with.
    up_to: u64,
    count: AtomicU64,
}

impl Histogram {
    /// An empty histogram. The bounds are in seconds, ascending.
    pub(super) fn new(upper_bounds: impl IntoIterator<Item = f64>) -> Self {
        let buckets = upper_bounds.into_iter().chain(once(f64::INFINITY));
        let buckets = buckets.map(|upper_bound| Bucket {
            upper_bound,
            up_to: Duration::try_from_secs_f64(upper_bound).map_or(u64::MAX, nanos),
            count: AtomicU64::new(0),
        });
        Self(Arc::new(Figures {
            buckets: buckets.collect(),
            sum: AtomicU64::new(0),
        }))
    }

    #[inline]
    pub(super) fn observe(&self, duration: Duration) {
        let nanos = nanos(duration);
        let Figures { buckets, sum } = &*self.0;
        if let Some(bucket) = buckets.iter().find(|it| nanos <= it.up_to) {
            bucket.count.fetch_add(1, Relaxed);
        }
        sum.fetch_add(nanos, Relaxed);
    }
}

#[inline]
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let figures = &*self.0;
        let counted = |bucket: &Bucket| (bucket.upper_bound, bucket.count.load(Relaxed));
        let buckets: Vec<(f64, u64)> = figures.buckets.iter().map(counted).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = Duration::from_nanos(figures.sum.load(Relaxed)).as_secs_f64();
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    #[test]
    fn a_duration_counts_in_every_bucket_whose_bound_it_does_not_exceed() {
        let histogram = Histogram::new([0.25, 1.0]);
        for millis in [0, 250, 251, 1_000, 1_500] {
            histogram.observe(Duration::from_millis(millis));
        }
        let mut registry = Registry::default();
        registry.register("took", "How long it took", histogram);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in [
            "took_sum 3.001",
            "took_count 5",
            "took_bucket{le=\"0.25\"} 2",
            "took_bucket{le=\"1.0\"} 4",
            "took_bucket{le=\"+Inf\"} 5",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} in\n{text}");
        }
    }
}
