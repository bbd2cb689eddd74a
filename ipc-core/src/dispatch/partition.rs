//! What dispatch knows of one assigned partition.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Limits;
use super::batch::Held;
use super::gate::Gate;
use super::job::Job;
use super::lanes::Lanes;
use super::offsets::OffsetWindow;
use super::parking::Parking;
use super::suspicion::Suspicion;
use super::tier::Tier;
use crate::health::PausedPartition;
use crate::metrics::PartitionMetrics;
use crate::transport::{Received, TopicPartition};

/// One assignment of one partition to this instance.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) place: TopicPartition,
    pub(super) window: OffsetWindow,
    pub(super) lanes: Lanes,
    pub(super) gate: Gate,
    /// Handlers that run now.
    pub(super) running: usize,
    /// What waits here, where this is a retry topic's.
    pub(super) tier: Option<Tier>,
    /// What is parked, where requests come in whose endpoints ask for that.
    pub(super) parking: Option<Parking>,
    /// Held while nothing is fetched because it is not known what is parked.
    pub(super) restoring: Option<PausedPartition>,
    /// Held while fetching is paused because the window is full.
    pub(super) full: Option<PausedPartition>,
    /// Held while nothing is fetched because the valve is shut for everything.
    pub(super) stopped: Option<PausedPartition>,
    /// Set while the partition is on its way to another member: nothing new starts.
    pub(super) leaving: bool,
    /// At-most-once work waits here until every older record is finished, because
    /// its offset is committed before it starts.
    pub(super) waiting_for_turn: VecDeque<Job>,
    pub(super) moving: Arc<CancellationToken>,
    /// Whether its records may have ended the processes that had it before.
    pub(super) suspicion: Suspicion,
    /// By offset, records that were handled and whose outputs wait for older records
    /// to be finished.
    pub(super) held: BTreeMap<i64, Held>,
    /// Records whose outputs are on their way into the log.
    pub(super) uncommitted: usize,
    /// Set where a record is not going to be finished: what comes after it must not be
    /// committed.
    pub(super) stuck: bool,
    /// The next offset to process, where it has moved since it was last stored.
    pub(super) moved: Option<i64>,
    pub(super) metrics: Arc<PartitionMetrics>,
}

impl Partition {
    pub(super) fn new(
        place: TopicPartition,
        limits: &Limits,
        tier: Option<Tier>,
        metrics: Arc<PartitionMetrics>,
    ) -> Self {
        metrics.in_flight(0);
        Self {
            place,
            window: OffsetWindow::default(),
            lanes: Lanes::default(),
            gate: Gate::new(limits.per_partition),
            running: 0,
            tier,
            parking: None,
            restoring: None,
            full: None,
            stopped: None,
            leaving: false,
            waiting_for_turn: VecDeque::new(),
            moving: Arc::default(),
            suspicion: Suspicion::new(limits),
            held: BTreeMap::new(),
            uncommitted: 0,
            stuck: false,
            moved: None,
            metrics,
        }
    }

    #[inline]
    pub(super) fn started(&mut self) {
        self.running += 1;
        self.metrics.in_flight(self.running);
    }

    #[inline]
    pub(super) fn ended(&mut self) {
        self.running -= 1;
        self.metrics.in_flight(self.running);
    }

    /// How many of its records are kept here.
    pub(super) fn load(&self) -> usize {
        self.window.len() + self.uncommitted
    }

    /// Takes what waited for every record before `next` to be finished.
    pub(super) fn pass(&mut self, next: i64) -> BTreeMap<i64, Held> {
        let later = self.held.split_off(&next);
        let passed = std::mem::replace(&mut self.held, later);
        self.uncommitted += passed.len();
        passed
    }

    /// Brings the gauges up to date.
    pub(super) fn measure(&self, limit: usize) {
        self.metrics.window(self.load(), limit);
        self.metrics.oldest_in_flight(self.window.oldest());
    }

    /// Says whether it is paused. A partition that rests until a record is due is not.
    pub(super) fn measure_pause(&self) {
        let paused = [&self.full, &self.stopped, &self.restoring];
        let paused = paused.into_iter().any(Option::is_some);
        self.metrics.paused(paused);
    }

    /// Takes note of a record that arrived; false where it did before.
    #[inline]
    pub(super) fn begin(&mut self, offset: i64, now: Instant) -> bool {
        let new = self.window.begin(offset, now);
        if new {
            self.metrics.received(1);
        }
        new
    }

    /// Takes note that a record is finished. Answers whether there is something to store
    /// where there was nothing.
    #[inline]
    pub(super) fn finish(&mut self, offset: i64) -> bool {
        match self.window.finish(offset) {
            Some(next) => self.moved.replace(next).is_none(),
            None => false,
        }
    }

    /// Why nothing more is to be fetched, if so.
    pub(super) fn fills(&self, limits: &Limits) -> Option<&'static str> {
        let parked = self.parking.as_ref().map_or(0, Parking::len);
        if self.load() >= limits.window {
            Some("its window is full")
        } else {
            (parked >= limits.parked).then_some("too many of its records are parked")
        }
    }

    /// Whether half of what may be taken on is free.
    pub(super) fn has_room(&self, limits: &Limits) -> bool {
        let parked = self.parking.as_ref().map_or(0, Parking::len);
        self.load() <= limits.window / 2 && parked <= limits.parked / 2
    }

    /// Whether the log has yet to take what is to be known of its records.
    pub(super) fn is_writing(&self) -> bool {
        let parks = self.parking.as_ref().is_some_and(Parking::is_writing);
        parks || self.suspicion.writing
    }

    /// Whether nothing is fetched because the next record is not due.
    pub(super) fn rests(&self) -> bool {
        self.tier.as_ref().is_some_and(|tier| tier.rests)
    }

    /// Whether anything is fetched at all.
    pub(super) fn is_fetched(&self) -> bool {
        self.full.is_none() && self.stopped.is_none() && self.restoring.is_none() && !self.rests()
    }

    /// Has a request wait until it is known what is parked.
    #[inline]
    pub(super) fn hold_until_restored(&mut self, received: Received) -> Option<Received> {
        match &mut self.parking {
            Some(parking) => parking.hold(received),
            None => Some(received),
        }
    }

    /// Whether an earlier owner may have parked this request.
    #[inline]
    pub(super) fn may_have_parked(&self, offset: i64) -> bool {
        let parking = self.parking.as_ref();
        parking.is_some_and(|parking| parking.may_know(offset))
    }

    /// Whether any record of this lane is parked.
    #[inline]
    pub(super) fn is_parked(&self, job: &Job) -> bool {
        let parking = self.parking.as_ref();
        parking.is_some_and(|parking| parking.is_parked(job))
    }

    /// Has a record wait whose entry is on its way into the log.
    #[inline]
    pub(super) fn wait_for_entry(&mut self, job: Job) -> Option<Job> {
        match &mut self.parking {
            Some(parking) => parking.wait_for_entry(job),
            None => Some(job),
        }
    }

    /// Whether anything goes on here once a record is done with.
    pub(super) fn has_waiting(&self) -> bool {
        self.full.is_some()
            || self.gate.has_waiting()
            || self.lanes.has_waiting()
            || self.suspicion.has_waiting()
            || !self.waiting_for_turn.is_empty()
    }
}
