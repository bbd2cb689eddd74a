//! What is committed at once: handlers' outputs and offsets.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::assignment::Assignment;
use super::job::Job;
use super::report::Produced;
use crate::transport::{Note, Places, TopicPartition, Transaction, TransactionError, Transactions};

/// Offsets without outputs wait so long for company.
const OFFSETS: Duration = Duration::from_secs(1);
/// After a transaction that came to nothing the next begins so much later.
const AGAIN: Duration = Duration::from_millis(100);

/// A record that was handled, with what its handler wrote.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) job: Job,
    pub(super) produced: Box<Produced>,
}

/// What goes into one transaction.
///
/// The offset of a partition is beyond every record before it, handled ones whose
/// outputs are here included: so each output is committed together with the offset
/// that says that its record is done.
#[derive(Debug, Default)]
pub(super) struct Batch {
    offsets: BTreeMap<TopicPartition, Progress>,
    /// Those of one partition in the order of their offsets.
    items: Vec<Held>,
}

/// How far a partition is.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) assignment: Assignment,
    /// The next offset to process.
    pub(super) next: i64,
    /// What is noted there, where somebody waits until it is.
    pub(super) note: Option<Arc<str>>,
}

/// How a transaction ended.
pub(super) type Ended = Result<Places, TransactionError>;

/// The transactions of one consumer, one after the other.
pub(super) struct Batches {
    transactions: Arc<dyn Transactions>,
    /// How long outputs wait for company.
    linger: Duration,
    waiting: Batch,
    /// When what waits is to be committed.
    due: Option<Instant>,
    /// What is being committed.
    flying: Option<Flying>,
    /// What waits for a record that was in it to be ended otherwise.
    mending: Option<Mending>,
}

struct Flying {
    batch: Batch,
    since: Instant,
    void: CancellationToken,
    ended: oneshot::Receiver<Ended>,
}

/// What was in a transaction that has ended.
pub(super) struct Flown {
    pub(super) batch: Batch,
    /// When it began.
    pub(super) since: Instant,
}

struct Mending {
    batch: Batch,
    assignment: Assignment,
    /// The offset of the record that is missing.
    offset: i64,
}

/// What the engine is called for.
pub(super) enum Call {
    /// What waits is due.
    Due,
    /// The transaction under way has ended; `None` where nobody looks after it any
    /// more.
    Ended(Option<Ended>),
}

/// A transaction that is to begin.
pub(super) struct Departure {
    pub(super) transactions: Arc<dyn Transactions>,
    pub(super) transaction: Arc<Transaction>,
    pub(super) tell: oneshot::Sender<Ended>,
}

impl Batches {
    pub(super) fn new(transactions: Arc<dyn Transactions>, linger: Duration) -> Self {
        Self {
            transactions,
            linger,
            waiting: Batch::default(),
            due: None,
            flying: None,
            mending: None,
        }
    }

    /// Waits until the engine is needed. Nothing is lost by waiting less.
    pub(super) async fn call(&mut self) -> Call {
        if let Some(flying) = &mut self.flying {
            return Call::Ended((&mut flying.ended).await.ok());
        }
        match self.due {
            Some(due) if self.mending.is_none() => {
                sleep_until(due).await;
                Call::Due
            }
            _ => pending().await,
        }
    }

    /// Takes in how far a partition is, and the outputs up to there.
    pub(super) fn take(
        &mut self,
        place: TopicPartition,
        progress: Progress,
        items: impl Iterator<Item = Held>,
        now: Instant,
    ) {
        let before = self.waiting.items.len();
        self.waiting.items.extend(items);
        let brings = self.waiting.items.len() > before;
        let wait = match &progress.note {
            Some(_) => Duration::ZERO,
            None if brings => self.linger,
            None => OFFSETS,
        };
        self.waiting.offsets.insert(place, progress);
        self.due_by(now + wait);
    }

    /// Has what waits committed by then at the latest.
    pub(super) fn due_by(&mut self, by: Instant) {
        if !self.waiting.offsets.is_empty() {
            self.due = Some(self.due.map_or(by, |due| due.min(by)));
        }
    }

    /// Begins a transaction of what waits, if it is due and nothing else is under way.
    pub(super) fn depart(&mut self, now: Instant) -> Option<Departure> {
        let is_due = self.due.is_some_and(|due| due <= now);
        if !is_due || self.flying.is_some() || self.mending.is_some() {
            return None;
        }
        self.due = None;
        let batch = std::mem::take(&mut self.waiting);
        if batch.offsets.is_empty() {
            return None;
        }
        let transaction = Arc::new(batch.transaction());
        let (tell, ended) = oneshot::channel();
        self.flying = Some(Flying {
            batch,
            since: now,
            void: transaction.void.clone(),
            ended,
        });
        Some(Departure {
            transactions: Arc::clone(&self.transactions),
            transaction,
            tell,
        })
    }

    /// What was under way.
    pub(super) fn arrived(&mut self) -> Option<Flown> {
        let Flying { batch, since, .. } = self.flying.take()?;
        Some(Flown { batch, since })
    }

    /// Takes back what was not committed, in front of what came since.
    pub(super) fn take_back(&mut self, mut batch: Batch, now: Instant) {
        batch.items.append(&mut self.waiting.items);
        // What is known now is further.
        batch.offsets.append(&mut self.waiting.offsets);
        self.waiting = batch;
        self.due = None;
        self.due_by(now + AGAIN);
    }

    /// Keeps a batch until the record that was taken out of it is ended otherwise.
    pub(super) fn mend(&mut self, batch: Batch, missing: &Job) {
        self.mending = Some(Mending {
            batch,
            assignment: missing.record.assignment,
            offset: missing.offset(),
        });
    }

    /// The record that was missing is ended: the others are committed without it.
    pub(super) fn mended(&mut self, now: Instant) {
        if let Some(mending) = self.mending.take() {
            self.take_back(mending.batch, now);
            self.due_by(now);
        }
    }

    /// Nobody ends the missing record of this assignment any more: nothing from there
    /// on is committed. True where that is so, and the assignment is at its end.
    pub(super) fn give_up_mending(&mut self, assignment: Assignment, now: Instant) -> bool {
        let Some(mut mending) = self
            .mending
            .take_if(|mending| mending.assignment == assignment)
        else {
            return false;
        };
        mending.batch.cut(assignment, mending.offset);
        self.waiting.forget(assignment);
        self.take_back(mending.batch, now);
        self.due_by(now);
        true
    }

    /// Whether anything of an assignment is not committed.
    pub(super) fn concerns(&self, assignment: Assignment) -> bool {
        self.all().any(|batch| batch.concerns(assignment))
    }

    /// Whether everything is committed.
    pub(super) fn is_idle(&self) -> bool {
        self.all().all(|batch| batch.offsets.is_empty())
    }

    /// Drops what is not committed of an assignment; what is under way with it must
    /// not be any more.
    pub(super) fn forget(&mut self, assignment: Assignment) {
        self.waiting.forget(assignment);
        if let Some(mending) = &mut self.mending {
            mending.batch.forget(assignment);
        }
        if let Some(flying) = &self.flying
            && flying.batch.concerns(assignment)
        {
            flying.void.cancel();
        }
    }

    fn all(&self) -> impl Iterator<Item = &Batch> {
        let flying = self.flying.iter().map(|flying| &flying.batch);
        let mending = self.mending.iter().map(|mending| &mending.batch);
        flying.chain(mending).chain([&self.waiting])
    }
}

impl Batch {
    fn transaction(&self) -> Transaction {
        let records = self.items.iter().flat_map(|held| &held.produced.records);
        let offsets = self.offsets.iter().map(|(place, progress)| Note {
            partition: place.clone(),
            next: progress.next,
            text: progress.note.clone().unwrap_or_default(),
        });
        Transaction {
            records: records.cloned().collect(),
            offsets: offsets.collect(),
            void: CancellationToken::new(),
        }
    }

    /// The records in it, and the partitions with a note.
    pub(super) fn into_parts(self) -> (Vec<Held>, Vec<Assignment>) {
        let offsets = self.offsets.into_values();
        let noted = offsets.filter(|progress| progress.note.is_some());
        let noted = noted.map(|progress| progress.assignment).collect();
        (self.items, noted)
    }

    /// Takes out the item that wrote the transaction's record of this number.
    pub(super) fn take_out(&mut self, record: usize) -> Option<Held> {
        let mut end = 0;
        let place = self.items.iter().position(|held| {
            end += held.produced.records.len();
            record < end
        })?;
        Some(self.items.remove(place))
    }

    /// Keeps of each assignment what is still that.
    pub(super) fn retain(&mut self, mut is_current: impl FnMut(Assignment) -> bool) {
        self.offsets
            .retain(|_, progress| is_current(progress.assignment));
        self.items
            .retain(|held| is_current(held.job.record.assignment));
    }

    /// Leaves out what is at and after an offset, where nothing is noted then.
    pub(super) fn cut(&mut self, assignment: Assignment, offset: i64) {
        for progress in self.offsets.values_mut() {
            if progress.assignment == assignment {
                progress.next = offset;
                progress.note = progress.note.take().map(|_| Arc::default());
            }
        }
        self.items
            .retain(|held| held.job.record.assignment != assignment || held.job.offset() < offset);
    }

    fn concerns(&self, assignment: Assignment) -> bool {
        let mut offsets = self.offsets.values();
        offsets.any(|progress| progress.assignment == assignment)
    }

    fn forget(&mut self, assignment: Assignment) {
        self.retain(|of| of != assignment);
    }
}
