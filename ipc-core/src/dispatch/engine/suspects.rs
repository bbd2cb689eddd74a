//! Partitions whose owners died: their records are handled one at a time, until the one
//! that ends processes is found.

use std::convert::Infallible;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use tower::Service;

use super::Engine;
use super::steps::Step;
use crate::dispatch::assignment::Assignment;
use crate::dispatch::delivery::Refusal;
use crate::dispatch::job::Job;
use crate::dispatch::lives::Lives;
use crate::dispatch::partition::Partition;
use crate::dispatch::report::{Input, Noted};
use crate::dispatch::suspicion::Next;
use crate::dispatch::{Delivery, Outcome, Quarantine};
use crate::transport::{Note, TopicPartition};

/// How often the group is asked before records are handled without its answer.
const TRIES: u32 = 5;
/// Between two of these.
const PAUSE: Duration = Duration::from_millis(200);

impl<S> Engine<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    /// Asks what the last owners of these partitions left there.
    pub(super) fn ask_for_notes(&self, places: Vec<TopicPartition>, whose: Vec<Assignment>) {
        if self.limits.quarantine == Quarantine::Never || places.is_empty() {
            return;
        }
        let shop = Arc::clone(&self.shop);
        self.shop.spawn(async move {
            let mut tries = 1;
            let notes = loop {
                match shop.consumer.notes(&places).await {
                    Ok(notes) => break notes,
                    Err(error) if tries == TRIES => {
                        tracing::warn!(%error, "not known whether the last owners died");
                        break vec![String::new(); places.len()];
                    }
                    Err(_) => tokio::time::sleep(PAUSE).await,
                }
                tries += 1;
            };
            let notes = notes.iter().map(|note| Lives::read(note));
            let found = Noted::Found(whose.into_iter().zip(notes).collect());
            shop.basket.tell(Input::Noted(found));
        });
    }

    pub(super) fn noted(&mut self, noted: Noted) {
        match noted {
            Noted::Found(found) => {
                for (assignment, lives) in found {
                    self.found(assignment, lives);
                }
            }
            Noted::Written(assignment) => self.written(assignment),
            // Not in a loop of its own: what is tried again for a partition that has gone
            // would move back what its next assignment has committed.
            Noted::Missed {
                assignment,
                note,
                tries,
            } if tries < TRIES && self.partitions.get(assignment).is_some() => {
                self.send_note(assignment, note, tries);
            }
            Noted::Missed { assignment, .. } => self.written(assignment),
        }
    }

    fn found(&mut self, assignment: Assignment, lives: Lives) {
        let Some(partition) = self.partitions.get(assignment) else {
            return;
        };
        if partition.suspicion.found(lives) {
            let text = format!(
                "{} is handled one record at a time: its last owner ended without a word and \
                 without progress",
                partition.place
            );
            tracing::warn!("{text}");
            self.metrics.dispatch().partition_suspected();
            partition.suspicion.show(self.health.stopped(text));
        }
        self.examine(assignment);
    }

    /// Lets a record wait until it is known what may be begun.
    pub(super) fn hold_suspect(&mut self, job: Job) {
        let assignment = job.record.assignment;
        if let Some(partition) = self.current(&job) {
            partition.suspicion.hold(job);
            self.examine(assignment);
        }
    }

    /// Goes on with a partition whose records wait, if it can.
    fn examine(&mut self, assignment: Assignment) {
        let Some(partition) = self.partitions.get(assignment) else {
            return;
        };
        if partition.leaving {
            return;
        }
        if partition.suspicion.is_to_note() {
            partition.suspicion.begin_all();
            self.write(assignment);
        } else if partition.suspicion.is_to_go_alone() {
            self.next_alone();
        }
    }

    /// Begins the next record of all that wait for their turn alone. Those of all
    /// partitions take turns: otherwise one would be blamed for what another does.
    fn next_alone(&mut self) {
        if let Some((assignment, _)) = self.alone
            && self.partitions.get(assignment).is_some()
        {
            return;
        }
        self.alone = None;
        let waits =
            |partition: &Partition| !partition.leaving && partition.suspicion.is_to_go_alone();
        while self.alone.is_none()
            && let Some((assignment, _)) = self.partitions.find_by(waits)
        {
            self.go_alone(assignment);
        }
    }

    /// Begins the next record of this partition, whose turn it is.
    fn go_alone(&mut self, assignment: Assignment) {
        let Some(partition) = self.partitions.get(assignment) else {
            return;
        };
        // What is stopped is not begun, and so nobody else waits for it.
        let stopped = |job: &Job| self.valve.stops(&job.record).is_some();
        if let Some(job) = partition.suspicion.let_go(stopped) {
            return self.steps.push_back(Step::Endpoint(job));
        }
        let next = partition.window.next().unwrap_or_default();
        match partition.suspicion.go_alone(self.limits.quarantine, next) {
            Some(Next::Note(offset)) => {
                self.alone = Some((assignment, offset));
                self.write(assignment);
            }
            Some(Next::Quarantine(job, deaths)) => {
                self.alone = Some((assignment, job.offset()));
                self.quarantine(job, deaths);
            }
            Some(Next::Release) => {
                partition.suspicion.begin_all();
                self.write(assignment);
            }
            None => {}
        }
    }

    fn quarantine(&mut self, mut job: Job, deaths: u32) {
        tracing::error!(
            partition = %job.record.origin.partition,
            offset = job.record.origin.offset,
            endpoint = &*job.record.policy.name,
            deaths,
            "quarantined: processes ended while this record was handled"
        );
        let record = Arc::make_mut(&mut job.record);
        record
            .refusal
            .get_or_insert(Refusal::Quarantined { deaths });
        self.steps.push_back(Step::Endpoint(job));
    }

    /// Whoever was begun alone has come to an end. That is noted before the next begins,
    /// be it with the next of the same partition: whoever dies then must not leave it
    /// under suspicion.
    pub(super) fn ended_alone(&mut self, assignment: Assignment, offset: i64) {
        if self.alone != Some((assignment, offset)) {
            return;
        }
        if let Some(partition) = self.partitions.get(assignment)
            && !partition.leaving
        {
            partition.suspicion.ended(offset);
            if !partition.suspicion.is_to_go_alone() {
                return self.write(assignment);
            }
            self.alone = None;
            self.go_alone(assignment);
        } else {
            self.alone = None;
        }
        self.next_alone();
    }

    /// Partitions have gone, and with them perhaps the one whose turn it was.
    pub(super) fn someone_left(&mut self) {
        if self.alone.is_some() {
            self.next_alone();
        }
    }

    /// Leaves the partition's note with the offset it has got to.
    fn write(&mut self, assignment: Assignment) {
        let Some(partition) = self.partitions.get(assignment) else {
            return;
        };
        let Some(next) = partition.window.next() else {
            return;
        };
        // The note says how far it is, too.
        partition.moved = None;
        let text = partition.suspicion.note(next);
        let partition = partition.place.clone();
        let text = Arc::from(text);
        self.send_note(
            assignment,
            Note {
                partition,
                next,
                text,
            },
            0,
        );
    }

    /// Takes the notes back that would tell of a death: this instance goes in order. One
    /// that is on its way is taken back when it has arrived.
    pub(super) fn take_notes_back(&mut self) {
        let mut notes = Vec::new();
        for (assignment, partition) in self.partitions.assigned() {
            let next = partition.window.next();
            if partition.leaving
                && !partition.stuck
                && !partition.suspicion.writing
                && let Some(next) = partition.suspicion.take_back(next)
            {
                let partition = partition.place.clone();
                let text = Arc::default();
                notes.push((
                    assignment,
                    Note {
                        partition,
                        next,
                        text,
                    },
                ));
            }
        }
        for (assignment, note) in notes {
            self.send_note(assignment, note, 0);
        }
    }

    /// Leaves a note, which `tries` attempts could not leave before.
    fn send_note(&mut self, assignment: Assignment, note: Note, tries: u32) {
        if self.batches.is_some() {
            return self.take_note(assignment, note);
        }
        let shop = Arc::clone(&self.shop);
        self.shop.spawn(async move {
            let noted = match shop.consumer.commit_noted(slice::from_ref(&note)).await {
                Ok(()) => Noted::Written(assignment),
                Err(error) => {
                    tracing::debug!(%error, "note not left");
                    tokio::time::sleep(PAUSE).await;
                    Noted::Missed {
                        assignment,
                        note,
                        tries: tries + 1,
                    }
                }
            };
            shop.basket.tell(Input::Noted(noted));
        });
    }

    pub(super) fn written(&mut self, assignment: Assignment) {
        let Some(partition) = self.partitions.get(assignment) else {
            return;
        };
        let leaving = partition.leaving;
        let next = partition.suspicion.written();
        if next.is_empty() && self.alone.is_some_and(|(alone, _)| alone == assignment) {
            self.alone = None;
            self.next_alone();
        }
        if !leaving {
            self.steps.extend(next.into_iter().map(Step::Endpoint));
        }
        if leaving {
            self.take_notes_back();
            self.release_drained();
        } else {
            self.examine(assignment);
        }
    }
}
