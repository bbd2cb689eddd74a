//! What a report means for its record.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tower::Service;

use super::steps::Step;
use super::{Engine, Later, Started};
use crate::dispatch::assignment::Assignment;
use crate::dispatch::job::{Job, Stage};
use crate::dispatch::partition::Partition;
use crate::dispatch::report::{Answer, How, Report, Ticket};
use crate::dispatch::{Delivery, Outcome};
use crate::envelope::CorrelationId;
use crate::metrics::Settled;
use crate::transport::SendError;

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

impl<S> Engine<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    pub(super) fn reported(&mut self, report: Report) {
        if let How::Unwritten(answer, error) = report.how {
            return self.see_to(report.ticket, answer, error);
        }
        let Some(started) = self.started.try_remove(report.ticket.0) else {
            return;
        };
        let mut job = started.job;
        let (assignment, offset) = (job.record.assignment, job.offset());
        if let Some(partition) = self.partitions.get(job.record.assignment) {
            partition.ended();
        }
        if !started.hands_on {
            self.leave_gates(&job);
        }
        match report.how {
            How::NotBegun => {
                self.follow_parked(&job);
                let partition = self.current(&job);
                let next = partition.and_then(|partition| partition.lanes.take_back(job));
                if let Some(next) = next {
                    self.admit(next);
                }
            }
            How::Settled(settled) => {
                self.count(&job, settled);
                if let Some(job) = self.settle_parked(job) {
                    self.settle(&job);
                    self.intake.reclaim(job.record);
                }
            }
            How::Again { after } => {
                self.count(&job, Settled::NotNow);
                job.forget_run();
                let after = after.unwrap_or_else(|| backoff(job.waits));
                job.waits += 1;
                self.delay(job, after);
            }
            How::Retry { after } => {
                self.count(&job, Settled::FailedRetry);
                job.forget_run();
                let now = self.now().wall;
                Arc::make_mut(&mut job.record).attempt_failed(now);
                if let Some(job) = self.park(job, after) {
                    self.delay(job, after);
                }
            }
            How::Produced(produced) => self.produced(job, produced),
            How::Unsettled if job.stage == Stage::Refused => self.delay(job, FIRST_WAIT),
            How::Unsettled if job.stage == Stage::Committed => {}
            How::Unsettled | How::Unwritten(..) => {
                tracing::error!(
                    partition = %job.record.origin.partition,
                    offset = job.record.origin.offset,
                    "a record came to no end; it will be redelivered"
                );
            }
        }
        if self.alone.is_some() {
            self.ended_alone(assignment, offset);
        }
        self.release_drained();
    }

    /// Whether something waits for a record to be done with. Where nothing does, its
    /// report may lie until the engine turns for another reason.
    pub(super) fn awaits_reports(&self) -> bool {
        self.draining.is_some()
            || !self.revocations.is_empty()
            || self.gates.has_waiting()
            || self.partitions.iter().any(Partition::has_waiting)
    }

    /// Lets a job wait in its lane, unless it is another instance's to go on.
    pub(super) fn delay(&mut self, job: Job, after: Duration) {
        if self.current(&job).is_some() && self.draining.is_none() {
            self.wait(Later::Job(job), after);
        }
    }

    /// An answer that is not in the log is written again by a task of its own.
    fn see_to(&self, ticket: Ticket, answer: Arc<Answer>, error: SendError) {
        let Some(started) = self.started.get(ticket.0) else {
            return;
        };
        let replier = Arc::clone(&self.shop.replier);
        let record = Arc::clone(&started.job.record);
        self.shop.spawn(async move {
            let how = replier.see_to(&answer, &record, error).await;
            answer.basket.put(Report { ticket, how });
        });
    }

    pub(super) fn count(&self, job: &Job, settled: Settled) {
        match &job.record.meter {
            Some(meter) => meter.settled(settled),
            None => job.record.meter(&self.metrics).settled(settled),
        }
    }

    /// The record is done with: its offset may be stored, its lane goes on.
    pub(super) fn settle(&mut self, job: &Job) {
        match job.stage {
            Stage::Open => {}
            Stage::Refused => return self.mended(),
            // It left its lane when it was handled, and its offset is committed.
            Stage::Committed => return,
        }
        let Some(partition) = self.partitions.get(job.record.assignment) else {
            return;
        };
        let next = match job.lane() {
            Some(key) if !partition.leaving => partition.lanes.leave(key),
            _ => None,
        };
        let assignment = job.record.assignment;
        self.finish_offset(assignment, job.offset());
        for offset in &job.record.more_offsets {
            self.finish_offset(assignment, *offset);
        }
        if let Some(next) = next {
            self.admit(next);
        }
    }

    /// This record is done with. Whatever waited for that goes on: the stored
    /// offset, a paused partition, at-most-once work whose turn it is.
    pub(super) fn finish_offset(&mut self, assignment: Assignment, offset: i64) {
        let Some(partition) = self.partitions.get(assignment) else {
            return;
        };
        if partition.finish(offset) {
            self.moved.push(assignment);
        }
        let is_full = partition.full.is_some();
        let turn = partition
            .waiting_for_turn
            .iter()
            .position(|job| partition.window.is_oldest(job.offset()));
        if let Some(turn) = turn.and_then(|index| partition.waiting_for_turn.remove(index)) {
            self.steps.push_back(Step::Endpoint(turn));
        }
        if is_full {
            self.fetch_if_roomy(assignment);
        }
    }

    /// Fetches from a full partition again, if half of what it may take on is free.
    pub(super) fn fetch_if_roomy(&mut self, assignment: Assignment) {
        let partition = self.partitions.get(assignment);
        let has_room = |it: &mut Partition| it.full.is_some() && it.has_room(&self.limits);
        if partition.is_some_and(has_room) {
            self.fetch(&[assignment], |partition, _| partition.full = None);
        }
    }

    /// Stores what has moved since the last time.
    pub(super) fn store(&mut self) {
        if self.moved.is_empty() {
            return;
        }
        if self.batches.is_some() {
            return self.take_moved();
        }
        let mut moved = Vec::with_capacity(self.moved.len());
        self.moved.retain(|assignment| {
            let Some(partition) = self.partitions.get(*assignment) else {
                return false;
            };
            if partition.suspicion.writing {
                return true;
            }
            if let Some(next) = partition.moved.take() {
                partition.measure(self.limits.window);
                moved.push((partition.place.clone(), next));
            }
            false
        });
        if !moved.is_empty() {
            self.shop.consumer.store(&moved);
        }
    }

    /// The caller of this request has gone.
    pub(super) fn cancel(&mut self, id: CorrelationId) {
        let is_sought = |started: &&Started| {
            let head = &started.job.record.head;
            head.is_call() && head.correlation_id.as_ref() == Some(&id)
        };
        let mut running = self.started.iter().map(|(_, started)| started);
        match running.find(is_sought) {
            Some(started) => started.job.record.withdrawal().withdraw(),
            None => self.cancelled.remember(id),
        }
    }
}

fn backoff(waits: u32) -> Duration {
    FIRST_WAIT
        .saturating_mul(1 << waits.min(10))
        .min(LONGEST_WAIT)
}
