//! Turns of the valve, and what waits for them.

use std::convert::Infallible;

use tower::Service;

use super::steps::Step;
use super::{Engine, Later};
use crate::dispatch::assignment::Assignment;
use crate::dispatch::job::Job;
use crate::dispatch::margin;
use crate::dispatch::partition::Partition;
use crate::dispatch::valve::{Scope, Shut, Turn};
use crate::dispatch::{Delivery, Outcome};
use crate::health::ConsumerHealth;

impl<S> Engine<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    pub(super) fn turn(&mut self, turn: Turn) {
        let Turn { scope, cause, shut } = turn;
        match shut {
            Some(why) => {
                let text = match &scope {
                    Scope::Service => format!("consumption is stopped: {why}"),
                    Scope::Endpoint(name) => format!("endpoint {name} is stopped: {why}"),
                };
                tracing::warn!("{text}");
                let dispatch = self.metrics.dispatch();
                let shut = Shut {
                    measured: dispatch.stopped(scope.endpoint(), cause.as_str()),
                    told: self.health.stopped(text),
                };
                self.valve.shut(scope, cause, shut);
            }
            None => {
                tracing::info!(endpoint = scope.endpoint(), "consumption goes on");
                for job in self.valve.open(&scope, cause) {
                    self.steps.push_back(Step::Endpoint(job));
                }
            }
        }
        let all: Vec<Assignment> = self.partitions.assignments().collect();
        self.stop_fetching(&all);
    }

    /// Has partitions fetched, or not, as the valve says.
    pub(super) fn stop_fetching(&mut self, partitions: &[Assignment]) {
        let stopped = self.valve.stops_everything();
        self.fetch(partitions, |partition, health| {
            if stopped != partition.stopped.is_some() {
                let place = &partition.place;
                partition.stopped = stopped.then(|| {
                    health.paused(&place.topic, place.partition, "consumption is stopped")
                });
            }
        });
    }

    /// Changes what keeps partitions from being fetched, and has the consumer follow.
    pub(super) fn fetch(
        &mut self,
        partitions: &[Assignment],
        mut change: impl FnMut(&mut Partition, &ConsumerHealth),
    ) {
        let (mut pause, mut resume) = (Vec::new(), Vec::new());
        for assignment in partitions {
            let Some(partition) = self.partitions.get(*assignment) else {
                continue;
            };
            let was = partition.is_fetched();
            change(partition, &self.health);
            partition.measure_pause();
            match (was, partition.is_fetched()) {
                (true, false) => pause.push(partition.place.clone()),
                (false, true) => resume.push(partition.place.clone()),
                _ => continue,
            }
        }
        if !pause.is_empty() {
            self.shop.consumer.pause(pause);
        }
        if !resume.is_empty() {
            self.shop.consumer.resume(resume);
        }
    }

    /// Lets a job through the valve, or has it wait there.
    #[inline]
    pub(super) fn through_valve(&mut self, job: Job) -> Option<Job> {
        if self.valve.stops(&job.record).is_none() {
            return Some(job);
        }
        self.hold_back(job);
        None
    }

    fn hold_back(&mut self, job: Job) {
        if self.current(&job).is_none() {
            return;
        }
        let left = match job.record.head.is_call() {
            true => {
                let now = self.now().wall;
                let left = job.record.deadline().map(|it| it.remaining(now));
                left.map(|left| left - margin(left))
            }
            false => None,
        };
        let number = self.valve.hold(job);
        if let Some(left) = left {
            self.wait(Later::Held(number), left);
        }
    }

    /// A call's time is nearly over: it is told what it has waited for.
    pub(super) fn held_for_long(&mut self, number: u64) {
        if let Some(job) = self.valve.give_up(number) {
            self.steps.push_back(Step::Endpoint(job));
        }
    }

    /// Lets go of what waits for the valve in partitions that are on their way to
    /// another member.
    pub(super) fn forget_held(&mut self) {
        let partitions = &mut self.partitions;
        self.valve.forget(|job| {
            let partition = partitions.get(job.record.assignment);
            partition.is_none_or(|partition| partition.leaving)
        });
    }
}
