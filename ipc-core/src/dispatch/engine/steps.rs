//! The way of a job from its lane to its handler.

use std::convert::Infallible;
use std::sync::Arc;

use tower::Service;

use super::{BATCH, Engine, Started};
use crate::dispatch::job::Job;
use crate::dispatch::report::{How, Report, Ticket};
use crate::dispatch::work::Work;
use crate::dispatch::{Delivery, Guarantee, Outcome};
use crate::metrics::Settled;

/// A job and the gate it comes to next. The valve is before the first.
pub(super) enum Step {
    Endpoint(Job),
    Partition(Job),
    Instance(Job),
    Start(Job),
}

impl<S> Engine<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    /// Takes a job that has its lane to the first gate.
    pub(super) fn admit(&mut self, job: Job) {
        let in_turn = job.record.policy.guarantee != Guarantee::AtMostOnce;
        let Some(partition) = self.current(&job) else {
            return;
        };
        let Some(job) = partition.wait_for_entry(job) else {
            return;
        };
        if !partition.suspicion.is_free() && partition.suspicion.concerns(&job) {
            return self.hold_suspect(job);
        }
        // At-most-once work starts when every older record of its partition is
        // finished: only then can its own offset be committed first.
        if in_turn || partition.window.is_oldest(job.offset()) {
            self.steps.push_back(Step::Endpoint(job));
        } else {
            partition.waiting_for_turn.push_back(job);
        }
    }

    /// Moves jobs from gate to gate until each waits, runs, or is dropped
    /// because its partition has gone.
    pub(super) fn step(&mut self) {
        while let Some(step) = self.steps.pop_front() {
            let mut next = Some(step);
            while let Some(step) = next {
                next = self.pass(step);
            }
        }
    }

    /// Through one gate, if it has room.
    fn pass(&mut self, step: Step) -> Option<Step> {
        match step {
            Step::Endpoint(job) => {
                let job = self.through_valve(job)?;
                self.gates.enter_endpoint(job).map(Step::Partition)
            }
            Step::Partition(job) => match self.current(&job) {
                Some(partition) => partition.gate.enter(job).map(Step::Instance),
                None => {
                    self.leave_endpoint(&job);
                    None
                }
            },
            Step::Instance(job) => self.gates.enter_instance(job).map(Step::Start),
            // It may have waited for its permits since it was let through.
            Step::Start(job) if self.valve.stops(&job.record).is_some() => {
                self.leave_gates(&job);
                self.through_valve(job).map(Step::Endpoint)
            }
            Step::Start(job) => {
                self.start(job);
                None
            }
        }
    }

    /// Hands a job out to be handled, with those of its lane that may be handled
    /// right after it.
    fn start(&mut self, mut job: Job) {
        let mut follows = false;
        for _ in 1..BATCH {
            let Some(partition) = self.current(&job) else {
                return self.leave_gates(&job);
            };
            // What is parked is done with only once the log knows.
            if !partition.suspicion.is_free() || partition.is_parked(&job) {
                break;
            }
            let Some(mut next) = partition.lanes.follower(&job) else {
                break;
            };
            next.in_reserve = job.in_reserve;
            self.hand_over(job, follows, true);
            job = next;
            follows = true;
        }
        self.hand_over(job, follows, false);
    }

    fn hand_over(&mut self, job: Job, follows: bool, hands_on: bool) {
        let Some(partition) = self.current(&job) else {
            return self.leave_gates(&job);
        };
        partition.started();
        let withdrawn = match &job.record.head.correlation_id {
            Some(id) => self.cancelled.remove(id),
            None => false,
        };
        // Only a call has a caller that may give up.
        if job.record.head.is_call() {
            job.record.withdrawal();
        }
        let record = Arc::clone(&job.record);
        let ticket = Ticket(self.started.insert(Started { job, hands_on }));
        if withdrawn {
            let how = How::Settled(Settled::Cancelled);
            return self.reported(Report { ticket, how });
        }
        self.ready.push(Work {
            ticket,
            record,
            follows,
        });
    }

    pub(super) fn leave_gates(&mut self, job: &Job) {
        if let Some(next) = self.gates.leave_instance(job.in_reserve) {
            self.steps.push_back(Step::Start(next));
        }
        let partition = self.partitions.get(job.record.assignment);
        let next = partition.and_then(|partition| partition.gate.leave());
        if let Some(next) = next {
            self.steps.push_back(Step::Instance(next));
        }
        self.leave_endpoint(job);
    }

    pub(super) fn leave_endpoint(&mut self, job: &Job) {
        let policy = &job.record.policy;
        if policy.concurrency.is_some()
            && let Some(next) = self.gates.leave_endpoint(&policy.name)
        {
            self.steps.push_back(Step::Partition(next));
        }
    }
}
