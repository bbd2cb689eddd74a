//! Assigned partitions: their series come and go with the assignment.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use tokio::time::Instant;

use super::labels::{PartitionLabels, TopicLabels};

type Ratio = Gauge<f64, AtomicU64>;
type Age = Gauge<f64, AtomicU64>;

/// No record is in flight.
const NONE: u64 = u64::MAX;

/// The partitions of this process.
#[derive(Debug)]
pub(super) struct Partitions {
    received: Family<TopicLabels, Counter>,
    lag: Family<PartitionLabels, Gauge>,
    in_flight: Family<PartitionLabels, Gauge>,
    oldest_age: Family<PartitionLabels, Age>,
    window_used: Family<PartitionLabels, Ratio>,
    paused: Family<PartitionLabels, Gauge>,
    parked_records: Family<PartitionLabels, Gauge>,
    parked_keys: Family<PartitionLabels, Gauge>,
    /// The zero of every stored point in time.
    epoch: Instant,
    assigned: Mutex<BTreeMap<PartitionLabels, Weak<PartitionMetrics>>>,
}

impl Partitions {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let partitions = Self {
            received: Family::default(),
            lag: Family::default(),
            in_flight: Family::default(),
            oldest_age: Family::default(),
            window_used: Family::default(),
            paused: Family::default(),
            parked_records: Family::default(),
            parked_keys: Family::default(),
            epoch: Instant::now(),
            assigned: Mutex::default(),
        };
        registry.register(
            "records_received",
            "Records received from request topics",
            partitions.received.clone(),
        );
        registry.register(
            "partition_lag_records",
            "Records between the stored offset and the end of the partition",
            partitions.lag.clone(),
        );
        registry.register(
            "partition_in_flight_records",
            "Records being handled and not settled",
            partitions.in_flight.clone(),
        );
        registry.register_with_unit(
            "partition_oldest_in_flight_age",
            "Age of the oldest record received and not settled",
            Unit::Seconds,
            partitions.oldest_age.clone(),
        );
        registry.register_with_unit(
            "partition_window_used",
            "How much of the offset window is used",
            Unit::Other("ratio".into()),
            partitions.window_used.clone(),
        );
        registry.register(
            "partition_paused",
            "1 while fetching is paused",
            partitions.paused.clone(),
        );
        registry.register(
            "partition_parked_records",
            "Records that are parked until their key has drained",
            partitions.parked_records.clone(),
        );
        registry.register(
            "partition_parked_keys",
            "Keys whose records are parked",
            partitions.parked_keys.clone(),
        );
        partitions
    }

    pub(super) fn assigned(
        partitions: &Arc<Self>,
        topic: &Arc<str>,
        partition: i32,
    ) -> Arc<PartitionMetrics> {
        let labels = PartitionLabels {
            topic: Arc::clone(topic),
            partition,
        };
        let mut assigned = partitions.assigned.lock();
        if let Some(metrics) = assigned.get(&labels).and_then(Weak::upgrade) {
            return metrics;
        }
        // Not what an earlier assignment's handle may just be about to remove.
        partitions.remove(&labels);
        let metrics = Arc::new(PartitionMetrics {
            received: partitions.received.get_or_create_owned(&TopicLabels {
                topic: Arc::clone(topic),
            }),
            in_flight: partitions.in_flight.get_or_create_owned(&labels),
            oldest_age: partitions.oldest_age.get_or_create_owned(&labels),
            window_used: partitions.window_used.get_or_create_owned(&labels),
            paused: partitions.paused.get_or_create_owned(&labels),
            oldest: AtomicU64::new(NONE),
            partitions: Arc::clone(partitions),
            labels: labels.clone(),
        });
        assigned.insert(labels, Arc::downgrade(&metrics));
        metrics
    }

    /// Brings the ages up to `now`.
    pub(super) fn age(&self, now: Instant) {
        let assigned: Vec<_> = self
            .assigned
            .lock()
            .values()
            .filter_map(Weak::upgrade)
            .collect();
        for partition in assigned {
            partition.oldest_age.set(partition.age(now));
        }
    }

    fn remove(&self, labels: &PartitionLabels) {
        self.lag.remove(labels);
        self.in_flight.remove(labels);
        self.oldest_age.remove(labels);
        self.window_used.remove(labels);
        self.paused.remove(labels);
        self.parked_records.remove(labels);
        self.parked_keys.remove(labels);
    }
}

/// What is counted for one assigned partition.
#[derive(Debug)]
pub struct PartitionMetrics {
    received: Counter,
    in_flight: Gauge,
    oldest_age: Age,
    window_used: Ratio,
    paused: Gauge,
    /// Microseconds from the epoch of `partitions`, or [`NONE`].
    oldest: AtomicU64,
    partitions: Arc<Partitions>,
    labels: PartitionLabels,
}

impl PartitionMetrics {
    /// Counts records that arrived.
    #[inline]
    pub fn received(&self, records: usize) {
        self.received.inc_by(records as u64);
    }

    /// Says how many records are being handled.
    #[inline]
    pub fn in_flight(&self, records: usize) {
        self.in_flight
            .set(i64::try_from(records).unwrap_or(i64::MAX));
    }

    /// Says when the oldest record in flight arrived; `None` when none is.
    pub fn oldest_in_flight(&self, arrived: Option<Instant>) {
        let stored = arrived.map_or(NONE, |at| {
            let since_epoch = at.saturating_duration_since(self.partitions.epoch);
            u64::try_from(since_epoch.as_micros()).unwrap_or(NONE)
        });
        self.oldest.store(stored, Ordering::Relaxed);
    }

    /// Says how many places of the offset window are taken.
    pub fn window(&self, used: usize, limit: usize) {
        self.window_used.set(used as f64 / limit.max(1) as f64);
    }

    /// Says whether fetching is paused.
    pub fn paused(&self, paused: bool) {
        self.paused.set(paused.into());
    }

    /// Says how many records are parked, and of how many keys. The series are absent
    /// where none can be.
    pub fn parked(&self, keys: usize, records: usize) {
        let (all, labels) = (&self.partitions, &self.labels);
        for (gauge, count) in [(&all.parked_keys, keys), (&all.parked_records, records)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            gauge.get_or_create(labels).set(count);
        }
    }

    /// Says how many records lie between the stored offset and the partition's
    /// end. The series is absent until this is known: zero would be a lie.
    pub fn lag(&self, records: i64) {
        self.partitions.lag.get_or_create(&self.labels).set(records);
    }

    /// Seconds since the oldest record in flight arrived; zero when none is.
    fn age(&self, now: Instant) -> f64 {
        match self.oldest.load(Ordering::Relaxed) {
            NONE => 0.0,
            micros => {
                let now = now.saturating_duration_since(self.partitions.epoch);
                now.saturating_sub(Duration::from_micros(micros))
                    .as_secs_f64()
            }
        }
    }
}

impl Drop for PartitionMetrics {
    fn drop(&mut self) {
        let mut assigned = self.partitions.assigned.lock();
        // A later assignment of the same partition owns the series by now.
        let replaced = assigned
            .get(&self.labels)
            .is_none_or(|current| !std::ptr::eq(current.as_ptr(), self));
        if !replaced {
            assigned.remove(&self.labels);
            self.partitions.remove(&self.labels);
        }
    }
}
