//! What the consumer brings: partitions and records.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;

use smallvec::SmallVec;
use tokio::time::Instant;
use tower::Service;

use super::Engine;
use crate::dispatch::assembler::Chunk;
use crate::dispatch::assignment::Assignment;
use crate::dispatch::job::Job;
use crate::dispatch::partition::Partition;
use crate::dispatch::tier::Tier;
use crate::dispatch::{Delivery, Outcome, Record};
use crate::metrics::Rebalance;
use crate::transport::{Received, TopicPartition};

/// Partitions that the records of one batch are mostly of.
const TOUCHED: usize = 4;

impl<S> Engine<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    pub(super) fn assign(&mut self, partitions: Vec<TopicPartition>) {
        self.metrics.dispatch().rebalanced(Rebalance::Assigned);
        let mut assigned = Vec::with_capacity(partitions.len());
        for place in &partitions {
            let metrics = self.metrics.partition(&place.topic, place.partition);
            tracing::debug!(partition = %place, "assigned");
            let tier = self.intake.delay(&place.topic).map(Tier::new);
            let mut partition = Partition::new(place.clone(), &self.limits, tier, metrics);
            partition.parking = self.parking_of(place);
            assigned.push(self.partitions.insert(partition));
        }
        self.stop_fetching(&assigned);
        self.restore_parked(&assigned);
        self.ask_for_notes(partitions, assigned);
        self.announce();
    }

    pub(super) fn receive(&mut self, batch: Vec<Received>) {
        if self.draining.is_some() {
            return;
        }
        let now = self.turn;
        let mut touched = SmallVec::<[Assignment; TOUCHED]>::new();
        let mut tiers = SmallVec::<[Assignment; TOUCHED]>::new();
        for received in batch {
            let offset = received.origin.offset;
            let Some(assignment) = self.partitions.find(&received.origin.partition) else {
                // Fetched before its partition was taken away: another member has it.
                continue;
            };
            let Some(partition) = self.partitions.get(assignment) else {
                continue;
            };
            if partition.leaving {
                continue;
            }
            if partition.tier.is_some() {
                self.hold(assignment, received);
                if tiers.last() != Some(&assignment) {
                    tiers.push(assignment);
                }
                continue;
            }
            let Some(received) = partition.hold_until_restored(received) else {
                continue;
            };
            if !partition.begin(offset, now) {
                continue;
            }
            // Records of one partition come together.
            if touched.last() != Some(&assignment) {
                touched.push(assignment);
            }
            if partition.may_have_parked(offset) && self.was_parked(assignment, &received.origin) {
                continue;
            }
            let Some(partition) = self.partitions.get(assignment) else {
                continue;
            };
            let moving = &partition.moving;
            let intake = &mut self.intake;
            let record = intake.deliver(received, None, moving, assignment, now);
            self.enter(record, now);
        }
        self.pause_full(&touched);
        for assignment in tiers {
            self.release_due(assignment);
        }
    }

    /// Brings a record to its lane, or to the rest of its body.
    #[inline]
    pub(super) fn enter(&mut self, record: Arc<Record>, now: Instant) {
        if record.head.chunk.is_some() && record.refusal.is_none() {
            self.assemble(record, now);
        } else {
            self.queue(record);
        }
    }

    fn queue(&mut self, record: Arc<Record>) {
        let job = Job::new(record);
        self.follow_parked(&job);
        if let Some(partition) = self.current(&job)
            && let Some(job) = partition.lanes.enter(job)
        {
            self.admit(job);
        }
    }

    fn assemble(&mut self, chunk: Arc<Record>, now: Instant) {
        let assignment = chunk.assignment;
        match self.assembler.take(chunk, now, self.shop.replier.now()) {
            Chunk::Whole(request) => self.queue(request),
            Chunk::Taken(chunk, bytes) => self.shop.replier.credit(&chunk.head, bytes),
            Chunk::Skipped(offsets) => {
                self.metrics.dispatch().chunks_discarded(offsets.len());
                for offset in offsets {
                    self.finish_offset(assignment, offset);
                }
            }
        }
    }

    pub(super) fn announce(&self) {
        let assigned: BTreeSet<i32> = self.partitions.numbers().collect();
        self.assigned.send_if_modified(|known| {
            let modified = *known != assigned;
            *known = assigned;
            modified
        });
    }

    /// Stops fetching those of the partitions that have taken on as much as they may,
    /// until half of that is free.
    pub(super) fn pause_full(&mut self, touched: &[Assignment]) {
        let limits = self.limits.clone();
        self.fetch(touched, |partition, health| {
            partition.measure(limits.window);
            if partition.full.is_none()
                && let Some(why) = partition.fills(&limits)
            {
                let (topic, number) = (&partition.place.topic, partition.place.partition);
                partition.full = Some(health.paused(topic, number, why));
            }
        });
    }
}
