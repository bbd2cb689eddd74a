//! Records that are parked: each is in a log of its own before its offset moves on, and
//! out of it before the next of its key begins.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tower::Service;

use super::Engine;
use crate::dispatch::assignment::Assignment;
use crate::dispatch::job::Job;
use crate::dispatch::parking::{Entrance, Fits, Found, Known, Next, Parked, Parking, Restored};
use crate::dispatch::report::Input;
use crate::dispatch::{Delivery, Outcome};
use crate::envelope::{Envelope, UnixMillis};
use crate::transport::{Origin, TopicPartition};

/// What becomes of the entry of an earlier owner.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// The offset of its request is committed on the strength of it.
    Adopted,
    /// There is another before the offset may move.
    Renewed,
}

impl<S> Engine<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    /// What is parked of a partition: nothing is known yet.
    pub(super) fn parking_of(&self, place: &TopicPartition) -> Option<Parking> {
        let topics = self.parked_topics.as_ref()?;
        topics.are_beside(&place.topic).then(Parking::new)
    }

    /// Has read what is parked of these partitions. Their requests wait for that.
    pub(super) fn restore_parked(&mut self, assigned: &[Assignment]) {
        let Some(topics) = self.parked_topics.clone() else {
            return;
        };
        let mut partitions = Vec::new();
        for assignment in assigned {
            if let Some(partition) = self.partitions.get(*assignment)
                && let Some(parking) = &partition.parking
            {
                partitions.push((*assignment, partition.place.clone(), parking.gone()));
            }
        }
        self.fetch(assigned, |partition, health| {
            let place = &partition.place;
            partition.restoring = partition.parking.is_some().then(|| {
                let why = "it is not known yet what is parked";
                health.paused(&place.topic, place.partition, why)
            });
        });
        let basket = Arc::clone(&self.shop.basket);
        let tell = move |told| basket.tell(Input::Parked(told));
        self.shop.spawn(topics.restore(partitions, tell));
    }

    pub(super) fn parked(&mut self, told: Parked) {
        match told {
            Parked::Found(assignment, found) => self.restored(assignment, *found),
            Parked::Written(assignment, offset, fits) => {
                self.written_down(assignment, offset, fits)
            }
            Parked::Settled(assignment, offset) => self.settled(assignment, offset),
            Parked::Late(assignment, offset, fence) => self.undo_late(assignment, offset, fence),
        }
    }

    /// Everything is known: what is parked takes its place, then the requests do.
    fn restored(&mut self, assignment: Assignment, found: Found) {
        let Some(partition) = self.partitions.get(assignment) else {
            return;
        };
        let Some(parking) = &mut partition.parking else {
            return;
        };
        if partition.leaving {
            return;
        }
        partition.window.expect(found.next());
        let (parked, held) = parking.open(found);
        if !parked.is_empty() {
            tracing::info!(partition = %partition.place, records = parked.len(), "parked records restored");
        }
        for restored in parked {
            self.take_place(assignment, restored, Standing::Adopted);
        }
        self.receive(held);
        self.fetch(&[assignment], |partition, _| partition.restoring = None);
        self.measure_parked(assignment);
    }

    /// A parked record of an earlier owner enters its lane.
    fn take_place(&mut self, assignment: Assignment, restored: Restored, standing: Standing) {
        let now = self.now();
        let Some(partition) = self.partitions.get(assignment) else {
            return;
        };
        let (due, fences) = (restored.due, restored.fences);
        let (received, past) = (restored.received, restored.past);
        let moving = &partition.moving;
        let record = self
            .intake
            .deliver(received, past, moving, assignment, now.at);
        let job = Job::new(record);
        if let Some(parking) = &mut partition.parking {
            parking.keep(&job, fences);
        }
        if standing == Standing::Renewed {
            self.write_entry(&job, due);
        }
        let partition = self.partitions.get(assignment);
        if let Some(job) = partition.and_then(|partition| partition.lanes.enter(job)) {
            self.attempt_at(job, due);
        }
    }

    /// Whether a request that has come is parked, or was: it is done with where it came
    /// from.
    pub(super) fn was_parked(&mut self, assignment: Assignment, of: &Origin) -> bool {
        let offset = of.offset;
        while let Some(parking) = self.parking(assignment)
            && let Some(restored) = parking.passed(offset)
        {
            self.take_place(assignment, *restored, Standing::Adopted);
        }
        let known = match self.parking(assignment) {
            Some(parking) => parking.request(of),
            None => Known::Nothing,
        };
        match known {
            Known::Nothing => return false,
            Known::Another(fences) => {
                tracing::error!(
                    partition = %of.partition,
                    offset,
                    "a record was parked of a topic that is no more, it is forgotten"
                );
                self.undo(assignment, offset, fences);
                return false;
            }
            Known::Handled => self.finish_offset(assignment, offset),
            Known::Parked(restored) => {
                self.take_place(assignment, *restored, Standing::Renewed);
            }
        }
        self.measure_parked(assignment);
        true
    }

    /// Parks a record whose attempt failed, where its endpoint asks for that, and those
    /// behind it in its lane: it is tried again once it is in the log and due. Answers it
    /// where it waits otherwise.
    pub(super) fn park(&mut self, job: Job, after: Duration) -> Option<Job> {
        let due = self.now().wall.plus(after);
        let (assignment, offset) = (job.record.assignment, job.offset());
        let Some(partition) = self.current(&job) else {
            return Some(job);
        };
        let Some(parking) = &mut partition.parking else {
            return Some(job);
        };
        let parks = parking.holds(offset) || job.asks_for_parking() && job.can_be_parked();
        let Some(entrance) = parking.entrance().filter(|_| parks).cloned() else {
            return Some(job);
        };
        let entry = entrance.entry(&job.record, due);
        let followers = match job.lane() {
            Some(key) => partition.lanes.waiting(key).map(Job::copy).collect(),
            None => Vec::new(),
        };
        parking.write_attempt(job, due);
        self.put(assignment, offset, entrance, entry);
        for follower in followers {
            self.follow_parked(&follower);
        }
        self.measure_parked(assignment);
        None
    }

    /// Parks a record behind others of its key, where there are any.
    #[inline]
    pub(super) fn follow_parked(&mut self, job: &Job) {
        let partition = self.current(job);
        if partition.is_some_and(|partition| partition.is_parked(job)) && job.can_be_parked() {
            self.park_behind(job);
        }
    }

    fn park_behind(&mut self, job: &Job) {
        let (assignment, offset) = (job.record.assignment, job.offset());
        let now = self.now().wall;
        let holds = |parking: &mut Parking| parking.holds(offset);
        if !self.parking(assignment).is_some_and(holds) {
            self.write_entry(job, now);
            self.measure_parked(assignment);
        }
    }

    /// Has an entry written that is this owner's.
    fn write_entry(&mut self, job: &Job, due: UnixMillis) {
        let (assignment, offset) = (job.record.assignment, job.offset());
        if let Some(parking) = self.parking(assignment)
            && let Some(entrance) = parking.entrance().cloned()
        {
            let entry = entrance.entry(&job.record, due);
            parking.write(job);
            self.put(assignment, offset, entrance, entry);
        }
    }

    fn put(&self, assignment: Assignment, offset: i64, entrance: Entrance, entry: Envelope) {
        let shop = Arc::clone(&self.shop);
        self.shop.spawn(async move {
            if let Some(fits) = entrance.put(entry).await {
                let told = Parked::Written(assignment, offset, fits);
                shop.basket.tell(Input::Parked(told));
            }
        });
    }

    /// The log has an entry: its request is done with where it came from.
    fn written_down(&mut self, assignment: Assignment, offset: i64, fits: Fits) {
        let Some(parking) = self.parking(assignment) else {
            return;
        };
        let next = parking.written(offset, fits);
        if fits == Fits::Yes {
            self.finish_offset(assignment, offset);
        }
        match next {
            Next::Nothing => {}
            Next::Turn(job) => self.admit(job),
            Next::Attempt(job, due) => self.attempt_at(job, due),
        }
        self.measure_parked(assignment);
        self.release_drained();
    }

    /// Has an attempt made when it is due.
    fn attempt_at(&mut self, job: Job, due: UnixMillis) {
        let wait = due.since(self.now().wall);
        match wait.is_zero() {
            true => self.admit(job),
            false => self.delay(job, wait),
        }
    }

    /// Takes a parked record that is done with out of the log. Answers one that is not
    /// parked.
    pub(super) fn settle_parked(&mut self, job: Job) -> Option<Job> {
        let (assignment, offset) = (job.record.assignment, job.offset());
        let shop = Arc::clone(&self.shop);
        let Some(parking) = self.parking(assignment).filter(|it| it.holds(offset)) else {
            return Some(job);
        };
        let Some(entrance) = parking.entrance().cloned() else {
            return Some(job);
        };
        let of = job.record.origin.clone();
        let fences = parking.settle(job);
        self.shop.spawn(async move {
            if entrance.settle(&of, fences).await.is_some() {
                let told = Parked::Settled(assignment, offset);
                shop.basket.tell(Input::Parked(told));
            }
        });
        None
    }

    /// A parked record that is done with is out of the log: the next of its key goes on.
    fn settled(&mut self, assignment: Assignment, offset: i64) {
        let Some(parking) = self.parking(assignment) else {
            return;
        };
        if let Some(job) = parking.settled(offset) {
            self.settle(&job);
            self.intake.reclaim(job.record);
        }
        self.measure_parked(assignment);
        self.release_drained();
    }

    /// An owner that has lost the partition has parked a record all the same. Here that
    /// is handled where it came from.
    fn undo_late(&mut self, assignment: Assignment, offset: i64, fence: i64) {
        let is_to_settle = |parking: &mut Parking| parking.is_to_settle(offset, fence);
        if !self.parking(assignment).is_some_and(is_to_settle) {
            tracing::debug!(offset, "an earlier owner has parked a record");
            self.undo(assignment, offset, vec![fence]);
        }
    }

    fn undo(&mut self, assignment: Assignment, offset: i64, fences: Vec<i64>) {
        let parking = self.parking(assignment);
        if let Some(entrance) = parking.and_then(|it| it.entrance().cloned()) {
            let undo = async move { entrance.undo(offset, fences).await };
            self.shop.spawn(undo);
        }
    }

    /// What is parked has changed.
    fn measure_parked(&mut self, assignment: Assignment) {
        if let Some(partition) = self.partitions.get(assignment)
            && let Some(parking) = &partition.parking
        {
            partition.metrics.parked(parking.keys(), parking.len());
            self.pause_full(&[assignment]);
        }
    }

    fn parking(&mut self, assignment: Assignment) -> Option<&mut Parking> {
        self.partitions.get(assignment)?.parking.as_mut()
    }
}
