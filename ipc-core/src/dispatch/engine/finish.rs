//! What a job's end means for its record.

use std::convert::Infallible;
use std::time::Duration;

use tokio::task::{Id, JoinError};
use tower::Service;

use super::Engine;
use super::place::{Place, Started};
use super::steps::Step;
use crate::dispatch::job::Job;
use crate::dispatch::run::Finished;
use crate::dispatch::{Delivery, Outcome};
use crate::envelope::CorrelationId;
use crate::metrics::Settled;
use crate::transport::TopicPartition;

impl<S> Engine<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    pub(super) fn finished(&mut self, finished: Result<(Id, Finished), JoinError>) {
        let (id, finished) = match finished {
            Ok((id, finished)) => (id, finished),
            // Aborted by a cancel: nobody waits for it any more.
            Err(error) if error.is_cancelled() => {
                (error.id(), Finished::Settled(Settled::Cancelled))
            }
            Err(error) => {
                tracing::error!(%error, "dispatch of a record panicked; it will be redelivered");
                (error.id(), Finished::Unsettled)
            }
        };
        let Some(Started {
            place, endpoint, ..
        }) = self.started.remove(&id)
        else {
            return;
        };
        let endpoint = self.metrics.endpoint(&endpoint);
        if let Some(partition) = self.partition(&place) {
            partition.running -= 1;
        }
        match finished {
            Finished::Settled(settled) => {
                endpoint.settled(settled);
                self.settle(&place);
            }
            Finished::Again { job, after } => {
                endpoint.settled(Settled::NotNow);
                self.wait(*job, after);
            }
            Finished::Unsettled => {}
        }
        self.leave_gates(&place);
        self.release_drained();
    }

    /// The record is done with: its offset may be stored, its lane goes on.
    fn settle(&mut self, place: &Place) {
        let Some(partition) = self.partition(place) else {
            return;
        };
        let next = match &place.lane {
            Some(key) if !partition.leaving => partition.lanes.leave(key),
            _ => None,
        };
        let first = std::iter::once(place.offset);
        let offsets = first.chain(place.more_offsets.iter().copied());
        self.finish_offsets(&place.partition, offsets);
        if let Some(next) = next {
            self.admit(next);
        }
    }

    /// These records are done with. Whatever waited for that goes on: the stored
    /// offset, a paused partition, at-most-once work whose turn it is.
    pub(super) fn finish_offsets(
        &mut self,
        place: &TopicPartition,
        offsets: impl IntoIterator<Item = i64>,
    ) {
        let half = self.limits.window / 2;
        let Some(partition) = self.partitions.get_mut(place) else {
            return;
        };
        let moved = offsets
            .into_iter()
            .filter_map(|offset| partition.window.finish(offset))
            .max();
        if let Some(next) = moved {
            self.moved.insert(place.clone(), next);
        }
        if partition.paused.is_some() && partition.window.len() <= half {
            partition.resume();
            self.consumer.resume(vec![place.clone()]);
        }
        let turn = partition
            .waiting_for_turn
            .iter()
            .position(|job| partition.window.is_oldest(job.offset()));
        if let Some(turn) = turn.and_then(|index| partition.waiting_for_turn.remove(index)) {
            self.steps.push_back(Step::Endpoint(turn));
        }
    }

    /// Stores what has moved since the last time.
    pub(super) fn store(&mut self) {
        if !self.moved.is_empty() {
            let moved: Vec<_> = std::mem::take(&mut self.moved).into_iter().collect();
            self.consumer.store(&moved);
        }
    }

    fn wait(&mut self, job: Job, after: Duration) {
        if self.current(&job).is_some() && self.draining.is_none() {
            self.delayed.insert(job, after);
        }
    }

    pub(super) fn cancel(&mut self, id: CorrelationId) {
        let running = self
            .started
            .values()
            .find(|started| started.correlation_id.as_ref() == Some(&id));
        match running {
            Some(started) => started.abort.abort(),
            None => self.cancelled.remember(id),
        }
    }
}
