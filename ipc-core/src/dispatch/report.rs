//! What the engine is told: by its consumer, and of the records it has handed out.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::backlog::Queued;
use crate::envelope::CorrelationId;
use crate::metrics::Settled;
use crate::transport::{Event, Outgoing, Placed, SendError, Settle};

/// What the engine is told.
#[derive(Debug)]
pub(crate) enum Input {
    /// By its consumer. What is queued stays so until it has been dealt with.
    Event(Event, Queued),
    /// By whoever handles records, or answers them.
    Reports(Vec<Report>),
    /// By a caller that gave up.
    Cancel(CorrelationId),
    /// By its service: finish what runs, start nothing, end.
    Drain,
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
    /// Its answer is not in the log. Another report follows when it is.
    Unwritten(Arc<Answer>, SendError),
    /// It must be redelivered: the offset stays.
    Unsettled,
}

/// The way back to the engine.
#[derive(Clone, Debug)]
pub(super) struct Reports(pub(super) mpsc::UnboundedSender<Input>);

impl Reports {
    pub(super) fn send(&self, reports: Vec<Report>) {
        // An engine that has ended left its records to another instance.
        let _ = self.0.send(Input::Reports(reports));
    }

    pub(super) fn send_one(&self, ticket: Ticket, how: How) {
        self.send(vec![Report { ticket, how }]);
    }
}

/// An answer in one record, on its way into the log: no task waits for it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) record: Outgoing,
    pub(super) ticket: Ticket,
    /// What its request came to, once the log has it.
    pub(super) settled: Settled,
    pub(super) reports: Reports,
}

impl Settle for Answer {
    fn settle(self: Arc<Self>, result: Result<Placed, SendError>) {
        let how = match result {
            Ok(_) => How::Settled(self.settled),
            Err(error) => How::Unwritten(Arc::clone(&self), error),
        };
        self.reports.send_one(self.ticket, how);
    }
}
