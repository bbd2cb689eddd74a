//! What the engine is told: by its consumer, and of the records it has handed out.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::assignment::Assignment;
use super::backlog::Queued;
use super::basket::Basket;
use super::lives::Lives;
use super::notice::Notice;
use super::parking::Parked;
use super::valve::Turn;
use super::{Delivery, Reply};
use crate::envelope::CorrelationId;
use crate::envelope::control::Obeyed;
use crate::metrics::Settled;
use crate::transport::{Event, Note, Outgoing, Placed, SendError, Settle};

/// What the engine is told.
#[derive(Debug)]
pub(crate) enum Input {
    /// By its consumer. What is queued stays so until it has been dealt with.
    Event(Event, Queued),
    /// By whoever has put a [`Report`] that cannot wait into its basket.
    Look,
    /// By a caller that gave up.
    Cancel(CorrelationId),
    /// By whoever stops consumption, or lets it go on.
    Turn(Turn),
    /// By those whose turns come before it: it is said once they are made.
    Obeyed(Arc<watch::Sender<Obeyed>>, Obeyed),
    /// By the group, of the notes on committed offsets.
    Noted(Noted),
    /// By the log, of records that are parked.
    Parked(Parked),
    /// By its service: finish what runs, start nothing, end.
    Drain,
}

/// What the group says of the notes on committed offsets.
#[derive(Debug)]
pub(crate) enum Noted {
    /// What was left there when partitions were assigned.
    Found(Vec<(Assignment, Lives)>),
    /// A note is written, or cannot be.
    Written(Assignment),
    /// A note was not written, so often by now.
    Missed {
        assignment: Assignment,
        note: Note,
        tries: u32,
    },
}

/// Tells a record that was handed out from every other that is out now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ticket(pub(super) usize);

/// What became of a record that was handed out. There is one for each.
#[derive(Debug)]
pub(crate) struct Report {
    pub(super) ticket: Ticket,
    pub(super) how: How,
}

#[derive(Debug)]
pub(super) enum How {
    /// Nothing is left to do; the offset may be stored.
    Settled(Settled),
    /// The record of its lane that it was to follow is not settled, or its
    /// partition moves: it waits for its turn again.
    NotBegun,
    /// It has to wait, in its lane.
    Again { after: Option<Duration> },
    /// An attempt failed; it waits for the next one, in its lane.
    Retry { after: Duration },
    /// Its answer is not in the log. Another report follows when it is.
    Unwritten(Arc<Answer>, SendError),
    /// It was handled, and what its handler wrote is to be committed.
    Produced(Box<Produced>),
    /// It must be redelivered: the offset stays.
    Unsettled,
}

/// What a handler wrote, and what its record comes to with that.
#[derive(Debug)]
pub(super) struct Produced {
    pub(super) records: Vec<Outgoing>,
    pub(super) settled: Settled,
    /// What its caller is told once it is committed.
    pub(super) answer: Option<(Delivery, Reply)>,
    /// What its sender is told then, where it was given up.
    pub(super) notice: Option<Notice>,
}

impl How {
    /// Whether something has to happen now: a record that is settled may lie.
    pub(super) fn is_urgent(&self) -> bool {
        !matches!(self, Self::Settled(_))
    }
}

/// An answer in one record, on its way into the log: no task waits for it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) record: Outgoing,
    pub(super) ticket: Ticket,
    /// What its request came to, once the log has it.
    pub(super) settled: Settled,
    pub(super) basket: Arc<Basket>,
}

impl Settle for Answer {
    fn settle(self: Arc<Self>, result: Result<Placed, SendError>) {
        let how = match result {
            Ok(_) => How::Settled(self.settled),
            Err(error) => How::Unwritten(Arc::clone(&self), error),
        };
        self.basket.put(Report {
            ticket: self.ticket,
            how,
        });
    }
}
