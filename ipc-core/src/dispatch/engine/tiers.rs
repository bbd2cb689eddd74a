//! Records of retry topics: they are handled once they are due.

use std::convert::Infallible;
use std::time::Duration;

use tower::Service;

use super::{Engine, Later};
use crate::dispatch::assignment::Assignment;
use crate::dispatch::{Delivery, Outcome};
use crate::envelope::UnixMillis;
use crate::transport::Received;

/// The timer's own measure.
const TICK: Duration = Duration::from_millis(1);

impl<S> Engine<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    /// Takes in a record of a retry topic, behind those that wait there.
    pub(super) fn hold(&mut self, assignment: Assignment, received: Received) {
        let now = self.now().wall;
        let partition = self.partitions.get(assignment);
        if let Some(tier) = partition.and_then(|partition| partition.tier.as_mut()) {
            tier.take(received, now);
        }
    }

    /// The head of a partition has waited as long as was thought.
    pub(super) fn head_due(&mut self, assignment: Assignment) {
        let partition = self.partitions.get(assignment);
        if let Some(tier) = partition.and_then(|partition| partition.tier.as_mut()) {
            tier.timed = false;
            self.release_due(assignment);
        }
    }

    /// Lets the records of a partition go on that are due.
    pub(super) fn release_due(&mut self, assignment: Assignment) {
        let now = self.now();
        loop {
            let Some(partition) = self.partitions.get(assignment) else {
                return;
            };
            if partition.leaving {
                return;
            }
            let tier = partition.tier.as_mut();
            let Some((received, past)) = tier.and_then(|tier| tier.next(now.wall)) else {
                break;
            };
            if partition.begin(received.origin.offset, now.at) {
                let moving = &partition.moving;
                let intake = &mut self.intake;
                let record = intake.deliver(received, past, moving, assignment, now.at);
                self.enter(record, now.at);
            }
        }
        self.rest(assignment, now.wall);
        self.pause_full(&[assignment]);
    }

    /// Fetches nothing from a partition whose next record is not due, until it is.
    fn rest(&mut self, assignment: Assignment, now: UnixMillis) {
        let mut starts = None;
        self.fetch(&[assignment], |partition, _| {
            if let Some(tier) = &mut partition.tier {
                let wait = tier.wait(now);
                tier.rests = wait.is_some();
                starts = wait.filter(|_| !std::mem::replace(&mut tier.timed, true));
            }
        });
        if let Some(wait) = starts {
            self.wait(Later::Head(assignment), wait.max(TICK));
        }
    }
}
