//! Partitions that go to another member, and the end of the instance.

use std::convert::Infallible;

use tokio::time::Instant;
use tower::Service;

use super::Engine;
use crate::dispatch::assignment::Assignment;
use crate::dispatch::batch::Batches;
use crate::dispatch::partition::Partition;
use crate::dispatch::{Delivery, Outcome};
use crate::metrics::Rebalance;
use crate::transport::Revocation;

/// A revocation whose partitions still have handlers running.
pub(super) struct Leaving {
    revocation: Revocation,
    until: Instant,
}

impl<S> Engine<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    pub(super) fn revoke(&mut self, revocation: Revocation) {
        let until = Instant::now() + self.limits.drain;
        self.metrics.dispatch().rebalanced(if revocation.lost {
            Rebalance::Lost
        } else {
            Rebalance::Revoked
        });
        let mut dismissed = Vec::new();
        for place in &revocation.partitions {
            if let Some(assignment) = self.partitions.find(place) {
                self.give_up_mending(assignment);
            }
            tracing::debug!(partition = %place, lost = revocation.lost, "revoked");
            if let Some(partition) = self.partitions.named(place) {
                partition.leaving = true;
                partition.moving.cancel();
                dismissed.extend(partition.gate.dismiss());
            }
        }
        self.forget_held();
        // They had their endpoint's permit already.
        for job in dismissed {
            self.leave_endpoint(&job);
        }
        if !revocation.lost {
            self.take_notes_back();
        }
        self.revocations.push(Leaving { revocation, until });
        self.hurry();
        self.release_drained();
    }

    /// Lets go of revoked partitions in which nothing runs any more, or whose
    /// bound has passed, or that belong to somebody else already.
    pub(super) fn release_drained(&mut self) {
        if self.revocations.is_empty() {
            return;
        }
        // Before the group goes on: afterwards they belong to somebody else.
        self.store();
        let now = Instant::now();
        let partitions = &mut self.partitions;
        let assembler = &mut self.assembler;
        let batches = &mut self.batches;
        self.revocations.retain(|leaving| {
            let busy = leaving.revocation.partitions.iter().any(|place| {
                let Some(assignment) = partitions.find(place) else {
                    return false;
                };
                let runs = partitions
                    .get(assignment)
                    .is_some_and(|it| it.running > 0 || it.is_writing());
                runs || batches.as_ref().is_some_and(|it| it.concerns(assignment))
            });
            let keep = busy && !leaving.revocation.lost && now < leaving.until;
            if !keep {
                for place in &leaving.revocation.partitions {
                    // Before the group goes on: no transaction of ours may then.
                    if let Some(batches) = batches
                        && let Some(assignment) = partitions.find(place)
                    {
                        batches.forget(assignment);
                    }
                    partitions.remove(place);
                    assembler.forget(place);
                }
            }
            keep
        });
        self.someone_left();
        self.announce();
    }

    pub(super) fn drain(&mut self) {
        if self.draining.is_none() {
            self.draining = Some(Instant::now() + self.limits.drain);
            for partition in self.partitions.iter_mut() {
                partition.leaving = true;
                partition.moving.cancel();
            }
            self.take_notes_back();
            self.hurry();
            let all: Vec<Assignment> = self.partitions.assignments().collect();
            for assignment in all {
                self.give_up_mending(assignment);
            }
        }
    }

    pub(super) fn is_drained(&self) -> bool {
        self.draining
            .is_some_and(|until| self.is_idle() || Instant::now() >= until)
    }

    fn is_idle(&self) -> bool {
        let committed = self.batches.as_ref().is_none_or(Batches::is_idle);
        let writes = self.partitions.iter().any(Partition::is_writing);
        committed && self.started.is_empty() && !writes
    }

    pub(super) fn next_bound(&self) -> Option<Instant> {
        self.revocations
            .iter()
            .map(|leaving| leaving.until)
            .chain(self.draining)
            .chain(self.assembler.next_expiry())
            .min()
    }

    pub(super) fn give_up_late(&mut self) {
        for (place, offset) in self.assembler.expire(Instant::now()) {
            self.metrics.dispatch().chunks_discarded(1);
            if let Some(assignment) = self.partitions.find(&place) {
                self.finish_offset(assignment, offset);
            }
        }
        if self.revocations.is_empty() && self.draining.is_none() {
            return;
        }
        self.metrics.dispatch().revoke_drain_exceeded();
        tracing::warn!(
            running = self.started.len(),
            bound = ?self.limits.drain,
            "not everything finished in time; what is left will be redelivered"
        );
        self.release_drained();
    }
}
