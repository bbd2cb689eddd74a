//! The way of a job from its lane to its handler.

use std::convert::Infallible;
use std::sync::Arc;

use tower::Service;

use super::Engine;
use super::place::{Place, Started};
use crate::dispatch::job::Job;
use crate::dispatch::run::run;
use crate::dispatch::{Delivery, Guarantee, Outcome};

/// A job and the gate it comes to next.
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
        let in_turn = job.delivery.policy.guarantee == Guarantee::AtLeastOnce;
        let Some(partition) = self.current(&job) else {
            return;
        };
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
            match step {
                Step::Endpoint(job) => {
                    if let Some(job) = self.gates.enter_endpoint(job) {
                        self.steps.push_back(Step::Partition(job));
                    }
                }
                Step::Partition(job) => match self.current(&job) {
                    Some(partition) => {
                        if let Some(job) = partition.gate.enter(job) {
                            self.steps.push_back(Step::Instance(job));
                        }
                    }
                    None => self.leave_endpoint(&Place::of(&job)),
                },
                Step::Instance(job) => {
                    if let Some(job) = self.gates.enter_instance(job) {
                        self.steps.push_back(Step::Start(job));
                    }
                }
                Step::Start(job) => self.start(job),
            }
        }
    }

    fn start(&mut self, job: Job) {
        let place = Place::of(&job);
        if self.current(&job).is_none() {
            return self.leave_gates(&place);
        }
        let in_flight = self.partitions.get_mut(job.partition()).map(|partition| {
            partition.running += 1;
            partition.metrics.in_flight()
        });
        let correlation_id = job.delivery.head.correlation_id.clone();
        let withdrawn = correlation_id
            .as_ref()
            .is_some_and(|id| self.cancelled.remove(id));
        let written = job.delivery.origin.timestamp.millis();
        let since_written = written.map(|at| self.replier.now().since(at));
        let since_arrival = job.received.elapsed();
        self.metrics.dispatch().waited(since_arrival, since_written);
        let endpoint = Arc::clone(&job.delivery.policy.name);
        let task = run(
            self.service.clone(),
            job,
            Arc::clone(&self.replier),
            Arc::clone(&self.consumer),
            withdrawn,
        );
        let abort = self.running.spawn(task);
        self.started.insert(
            abort.id(),
            Started {
                place,
                abort,
                correlation_id,
                endpoint,
                _in_flight: in_flight,
            },
        );
    }

    pub(super) fn leave_gates(&mut self, place: &Place) {
        if let Some(next) = self.gates.leave_instance(place.in_reserve) {
            self.steps.push_back(Step::Start(next));
        }
        let next = self
            .partition(place)
            .and_then(|partition| partition.gate.leave());
        if let Some(next) = next {
            self.steps.push_back(Step::Instance(next));
        }
        self.leave_endpoint(place);
    }

    pub(super) fn leave_endpoint(&mut self, place: &Place) {
        if let Some(endpoint) = &place.endpoint
            && let Some(next) = self.gates.leave_endpoint(endpoint)
        {
            self.steps.push_back(Step::Partition(next));
        }
    }
}
