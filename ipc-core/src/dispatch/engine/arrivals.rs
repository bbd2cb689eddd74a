//! What the consumer brings: partitions and records.

use std::collections::BTreeSet;
use std::convert::Infallible;

use tokio::time::Instant;
use tower::Service;

use super::Engine;
use crate::dispatch::assembler::Chunk;
use crate::dispatch::job::Job;
use crate::dispatch::partition::Partition;
use crate::dispatch::{Delivery, Outcome};
use crate::metrics::Rebalance;
use crate::transport::{Received, TopicPartition};

impl<S> Engine<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    pub(super) fn assign(&mut self, partitions: Vec<TopicPartition>) {
        self.metrics.dispatch().rebalanced(Rebalance::Assigned);
        for partition in partitions {
            self.epochs += 1;
            let metrics = self
                .metrics
                .partition(&partition.topic, partition.partition);
            let state = Partition::new(self.epochs, self.limits.per_partition, metrics);
            tracing::debug!(%partition, epoch = self.epochs, "assigned");
            self.partitions.insert(partition, state);
        }
        self.announce();
    }

    pub(super) fn receive(&mut self, batch: Vec<Received>) {
        if self.draining.is_some() {
            return;
        }
        let now = Instant::now();
        for received in batch {
            let place = received.origin.partition.clone();
            let Some(partition) = self.partitions.get_mut(&place) else {
                // Fetched before its partition was taken away: another member has it.
                continue;
            };
            if partition.leaving || !partition.window.begin(received.origin.offset) {
                continue;
            }
            partition.metrics.received(1);
            let epoch = partition.epoch;
            let delivery = self.intake.deliver(received, &partition.moving);
            if delivery.head.chunk.is_some() && delivery.refusal.is_none() {
                self.assemble(delivery, epoch, now);
            } else {
                self.queue(delivery, Vec::new(), epoch, now);
            }
        }
        self.pause_full();
    }

    fn queue(&mut self, mut delivery: Delivery, more_offsets: Vec<i64>, epoch: u64, now: Instant) {
        self.intake.refuse_loop(&mut delivery);
        let job = Job {
            delivery,
            more_offsets,
            epoch,
            received: now,
            waits: 0,
            in_reserve: false,
        };
        if let Some(partition) = self.current(&job)
            && let Some(job) = partition.lanes.enter(job)
        {
            self.admit(job);
        }
    }

    fn assemble(&mut self, chunk: Delivery, epoch: u64, now: Instant) {
        let place = chunk.origin.partition.clone();
        match self.assembler.take(chunk, now, self.replier.now()) {
            Chunk::Whole(request, offsets) => self.queue(*request, offsets, epoch, now),
            Chunk::Taken(chunk, bytes) => self.replier.credit(&chunk, bytes),
            Chunk::Skipped(offsets) => {
                self.metrics.dispatch().chunks_discarded(offsets.len());
                self.finish_offsets(&place, offsets);
            }
        }
    }

    pub(super) fn announce(&self) {
        let assigned: BTreeSet<i32> = self.partitions.keys().map(|it| it.partition).collect();
        self.assigned.send_if_modified(|known| {
            let modified = *known != assigned;
            *known = assigned;
            modified
        });
    }

    /// Stops fetching partitions whose window is full, until half of it is free.
    fn pause_full(&mut self) {
        let window = self.limits.window;
        let health = &self.health;
        let full: Vec<TopicPartition> = self
            .partitions
            .iter_mut()
            .inspect(|(_, partition)| partition.metrics.window(partition.window.len(), window))
            .filter(|(_, partition)| partition.paused.is_none() && partition.window.len() >= window)
            .map(|(place, partition)| {
                let (topic, number) = (&place.topic, place.partition);
                partition.pause(health.paused(topic, number, "its window is full"));
                place.clone()
            })
            .collect();
        if !full.is_empty() {
            self.consumer.pause(full);
        }
    }
}
