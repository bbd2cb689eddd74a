//! Outputs and offsets on their way into transactions.

use std::convert::Infallible;
use std::sync::Arc;

use tower::Service;

use super::{Engine, Started};
use crate::dispatch::assignment::Assignment;
use crate::dispatch::batch::{Batch, Batches, Call, Departure, Flown, Held, Progress};
use crate::dispatch::delivery::Refusal;
use crate::dispatch::job::{Job, Stage};
use crate::dispatch::report::{How, Produced, Report, Ticket};
use crate::dispatch::{Delivery, Notice, Outcome, Reply};
use crate::metrics::{Settled, TransactionEnd};
use crate::transport::{Note, Placed, Places, SendError, TransactionError, Transactions};

impl<S> Engine<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    /// Has every offset committed by transactions from now on, with what handlers of
    /// exactly-once endpoints wrote.
    pub(crate) fn with_transactions(mut self, transactions: Arc<dyn Transactions>) -> Self {
        let linger = self.limits.transaction_linger;
        self.batches = Some(Batches::new(transactions, linger));
        self
    }

    /// The record was handled. Whatever waited for its handler goes on; its outputs
    /// are committed once every record before it is finished.
    pub(super) fn produced(&mut self, job: Job, produced: Box<Produced>) {
        self.settle(&job);
        if let Some(partition) = self.partitions.get(job.record.assignment) {
            let offset = job.offset();
            partition.held.insert(offset, Held { job, produced });
        }
    }

    /// Takes into the next transaction what has moved.
    pub(super) fn take_moved(&mut self) {
        let Some(batches) = &mut self.batches else {
            return;
        };
        let mut took = false;
        self.moved.retain(|assignment| {
            let Some(partition) = self.partitions.get(*assignment) else {
                return false;
            };
            if partition.suspicion.writing {
                return true;
            }
            if let Some(next) = partition.moved.take()
                && !partition.stuck
            {
                partition.measure(self.limits.window);
                let passed = partition.pass(next).into_values();
                let progress = Progress {
                    assignment: *assignment,
                    next,
                    note: None,
                };
                batches.take(partition.place.clone(), progress, passed, self.turn);
                took = true;
            }
            false
        });
        // Not at every turn: what came to nothing waits a while for its next attempt.
        if took && (self.draining.is_some() || !self.revocations.is_empty()) {
            self.hurry();
        }
    }

    /// Takes a note into the next transaction, with the outputs up to its offset. It is
    /// begun as soon as no other is under way.
    pub(super) fn take_note(&mut self, assignment: Assignment, note: Note) {
        let Some(batches) = &mut self.batches else {
            return;
        };
        if let Some(partition) = self.partitions.get(assignment) {
            let passed = partition.pass(note.next).into_values();
            let progress = Progress {
                assignment,
                next: note.next,
                note: Some(note.text),
            };
            batches.take(note.partition, progress, passed, self.turn);
        }
    }

    /// Has what waits committed at once: somebody waits for that.
    pub(super) fn hurry(&mut self) {
        let now = self.turn;
        if let Some(batches) = &mut self.batches {
            batches.due_by(now);
        }
    }

    /// Begins the next transaction, if it is time.
    pub(super) fn depart(&mut self) {
        let Some(batches) = &mut self.batches else {
            return;
        };
        let Some(departure) = batches.depart(self.turn) else {
            return;
        };
        let Departure {
            transactions,
            transaction,
            tell,
        } = departure;
        self.shop.spawn(async move {
            let ended = transactions.commit(transaction).await;
            // An engine that has ended left its records to another instance.
            let _ = tell.send(ended);
        });
    }

    pub(super) fn called(&mut self, call: Call) {
        let Call::Ended(ended) = call else {
            return;
        };
        let Some(flown) = self.batches.as_mut().and_then(Batches::arrived) else {
            return;
        };
        let Flown { mut batch, since } = flown;
        let end = match &ended {
            Some(Ok(_)) => TransactionEnd::Committed,
            Some(Err(TransactionError::Refused { .. })) => TransactionEnd::Refused,
            Some(Err(TransactionError::Fenced)) | None => TransactionEnd::Fenced,
        };
        let after = self.turn.saturating_duration_since(since);
        self.metrics.transactions().ended(end, after);
        match ended {
            Some(Ok(places)) => self.committed(batch, &places),
            Some(Err(TransactionError::Refused { record, error })) => {
                match batch.take_out(record) {
                    Some(held) => self.refused(batch, held, error),
                    None => self.again(batch),
                }
            }
            Some(Err(TransactionError::Fenced)) | None => {
                tracing::debug!("a transaction came to nothing: a partition has moved");
                self.again(batch);
            }
        }
        self.release_drained();
    }

    fn committed(&mut self, batch: Batch, places: &Places) {
        let (items, noted) = batch.into_parts();
        let outputs: usize = items.iter().map(|held| held.produced.records.len()).sum();
        let outputs = u64::try_from(outputs).unwrap_or(u64::MAX);
        self.metrics.transactions().outputs(outputs);
        let mut number = 0;
        for Held { mut job, produced } in items {
            self.is_committed(job.record.assignment);
            // Who has a notice wrote a dead letter, and nothing else.
            let letter = places.of(number);
            number += produced.records.len();
            let Produced {
                answer,
                notice,
                settled,
                ..
            } = *produced;
            job.stage = Stage::Committed;
            match (answer, notice.zip(letter)) {
                (Some((delivery, reply)), _) => self.answer(job, delivery, reply),
                (None, Some((notice, letter))) => self.notify(job, notice, letter, settled),
                (None, None) => {
                    self.count(&job, settled);
                    self.intake.reclaim(job.record);
                }
            }
        }
        for assignment in noted {
            self.written(assignment);
        }
    }

    /// One fewer record of the partition waits to be committed.
    fn is_committed(&mut self, assignment: Assignment) {
        if let Some(partition) = self.partitions.get(assignment) {
            partition.uncommitted -= 1;
            self.fetch_if_roomy(assignment);
        }
    }

    /// Answers a call whose outputs are committed.
    fn answer(&mut self, job: Job, delivery: Delivery, reply: Reply) {
        let ticket = self.follow_up(job);
        let replier = Arc::clone(&self.shop.replier);
        let basket = Arc::clone(&self.shop.basket);
        self.shop.spawn(async move {
            if let Some(how) = replier.answer(ticket, &delivery, reply, &basket).await {
                basket.put(Report { ticket, how });
            }
        });
    }

    /// Tells the sender of a one-way whose dead letter is committed where that lies.
    fn notify(&mut self, job: Job, notice: Notice, letter: Placed, settled: Settled) {
        let ticket = self.follow_up(job);
        let replier = Arc::clone(&self.shop.replier);
        let basket = Arc::clone(&self.shop.basket);
        self.shop.spawn(async move {
            replier.notify(notice, letter).await;
            let how = How::Settled(settled);
            basket.put(Report { ticket, how });
        });
    }

    /// A record that is committed, and with which something is left to do.
    fn follow_up(&mut self, job: Job) -> Ticket {
        if let Some(partition) = self.partitions.get(job.record.assignment) {
            partition.started();
        }
        Ticket(self.started.insert(Started {
            job,
            // It has left its gates.
            hands_on: true,
        }))
    }

    /// What this record's handler wrote is never taken: it is ended as one that
    /// failed, and the others wait for that.
    fn refused(&mut self, batch: Batch, held: Held, error: SendError) {
        let Held { mut job, .. } = held;
        let assignment = job.record.assignment;
        let Some(batches) = &mut self.batches else {
            return;
        };
        batches.mend(batch, &job);
        let stays = self.draining.is_none() && self.current(&job).is_some();
        if !stays {
            return self.give_up_mending(assignment);
        }
        if let Some(partition) = self.partitions.get(assignment) {
            partition.uncommitted -= 1;
        }
        Arc::make_mut(&mut job.record).refusal = Some(Refusal::Output(error));
        job.stage = Stage::Refused;
        self.admit(job);
    }

    /// A record whose outputs were refused has been ended.
    pub(super) fn mended(&mut self) {
        let now = self.turn;
        if let Some(batches) = &mut self.batches {
            batches.mended(now);
        }
    }

    /// This assignment ends: what waits for one of its records waits no longer.
    pub(super) fn give_up_mending(&mut self, assignment: Assignment) {
        let now = self.turn;
        if let Some(batches) = &mut self.batches
            && batches.give_up_mending(assignment, now)
            && let Some(partition) = self.partitions.get(assignment)
        {
            partition.stuck = true;
        }
    }

    /// Has what is still ours of a batch committed by another transaction.
    fn again(&mut self, mut batch: Batch) {
        let partitions = &mut self.partitions;
        batch.retain(|assignment| partitions.get(assignment).is_some());
        let now = self.turn;
        if let Some(batches) = &mut self.batches {
            batches.take_back(batch, now);
        }
    }
}
