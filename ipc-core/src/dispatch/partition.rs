//! What dispatch knows of one assigned partition.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use ahash::RandomState;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::gate::Gate;
use super::job::Job;
use super::offsets::OffsetWindow;
use crate::health::PausedPartition;
use crate::metrics::PartitionMetrics;
use crate::transport::TopicPartition;

/// One assignment of one partition to this instance.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) place: TopicPartition,
    pub(super) window: OffsetWindow,
    pub(super) lanes: Lanes,
    pub(super) gate: Gate,
    /// Handlers that run now.
    pub(super) running: usize,
    /// Held while fetching is paused.
    pub(super) paused: Option<PausedPartition>,
    /// Set while the partition is on its way to another member: nothing new starts.
    pub(super) leaving: bool,
    /// At-most-once work waits here until every older record is finished, because
    /// its offset is committed before it starts.
    pub(super) waiting_for_turn: VecDeque<Job>,
    pub(super) moving: Arc<CancellationToken>,
    /// The next offset to process, where it has moved since it was last stored.
    pub(super) moved: Option<i64>,
    pub(super) metrics: Arc<PartitionMetrics>,
}

impl Partition {
    pub(super) fn new(
        place: TopicPartition,
        per_partition: Option<usize>,
        metrics: Arc<PartitionMetrics>,
    ) -> Self {
        metrics.in_flight(0);
        Self {
            place,
            window: OffsetWindow::default(),
            lanes: Lanes::default(),
            gate: Gate::new(per_partition),
            running: 0,
            paused: None,
            leaving: false,
            waiting_for_turn: VecDeque::new(),
            moving: Arc::default(),
            moved: None,
            metrics,
        }
    }

    pub(super) fn started(&mut self) {
        self.running += 1;
        self.metrics.in_flight(self.running);
    }

    pub(super) fn ended(&mut self) {
        self.running -= 1;
        self.metrics.in_flight(self.running);
    }

    /// Brings the gauges up to date.
    pub(super) fn measure(&self, limit: usize) {
        self.metrics.window(self.window.len(), limit);
        self.metrics.oldest_in_flight(self.window.oldest());
    }

    pub(super) fn pause(&mut self, paused: PausedPartition) {
        self.paused = Some(paused);
        self.metrics.paused(true);
    }

    pub(super) fn resume(&mut self) {
        self.paused = None;
        self.metrics.paused(false);
    }
}

/// Order per key: of the records with one key only the oldest unfinished one is
/// worked on.
#[derive(Debug, Default)]
pub(super) struct Lanes(HashMap<Bytes, VecDeque<Job>, RandomState>);

impl Lanes {
    /// Takes the lane for `job`, or queues it behind the one that has it.
    pub(super) fn enter(&mut self, job: Job) -> Option<Job> {
        let Some(key) = job.lane() else {
            return Some(job);
        };
        match self.0.entry(key.clone()) {
            Entry::Occupied(mut queue) => {
                queue.get_mut().push_back(job);
                None
            }
            Entry::Vacant(lane) => {
                lane.insert(VecDeque::new());
                Some(job)
            }
        }
    }

    /// Gives the lane up. Answers the next in line, which has it now.
    pub(super) fn leave(&mut self, key: &Bytes) -> Option<Job> {
        let Entry::Occupied(mut queue) = self.0.entry(key.clone()) else {
            return None;
        };
        let next = queue.get_mut().pop_front();
        if next.is_none() {
            queue.remove();
        }
        next
    }
}
