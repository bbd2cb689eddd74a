//! One stream that is kept, and its readers, one after the other.

use futures_util::StreamExt as _;
use ipc_core::envelope::Problem;
use tokio::sync::{mpsc, oneshot};

use super::tail::Tail;
use super::{Item, Records};

/// A client that comes back.
#[derive(Debug)]
pub(super) struct Attach {
    /// The position of the last record that it has.
    pub(super) after: u32,
    pub(super) to: oneshot::Sender<Attached>,
}

/// What a client that has come back gets.
#[derive(Debug)]
pub(super) enum Attached {
    /// What it misses, and what follows.
    Resumed(mpsc::Receiver<Item>),
    /// Nothing: it has everything.
    Complete,
    /// What it misses is not here.
    Gone,
}

/// Whoever reads a stream.
#[derive(Debug)]
pub(super) struct Reader {
    to: mpsc::Sender<Item>,
    /// The position of the last record that it was sent.
    sent: Option<u32>,
}

/// A stream.
pub(super) struct Running {
    records: Records,
    tail: Tail,
    /// How it has ended, where it has.
    end: Option<Result<(), Problem>>,
}

impl Reader {
    /// One that has what stands before `sent`, and that.
    pub(super) fn new(sent: Option<u32>) -> (Self, mpsc::Receiver<Item>) {
        // No record is asked for before there is somebody to take it.
        let (to, records) = mpsc::channel(1);
        (Self { to, sent }, records)
    }
}

impl Running {
    pub(super) fn new(records: Records, bytes: usize) -> Self {
        Self {
            records,
            tail: Tail::new(bytes),
            end: None,
        }
    }

    /// Has the stream read until its reader leaves, or has all of it. Nothing is asked for
    /// that the reader has no room for: the service is held back by what is unread.
    ///
    /// # Cancel safety
    ///
    /// Safe: no record is lost.
    pub(super) async fn feed(&mut self, reader: &mut Reader) {
        loop {
            let Ok(room) = reader.to.reserve().await else {
                return;
            };
            if let Some(record) = self.tail.after(reader.sent) {
                reader.sent = Some(record.seq);
                room.send(Ok(record.clone()));
                continue;
            }
            if let Some(end) = &self.end {
                if let Err(problem) = end {
                    room.send(Err(problem.clone()));
                }
                return;
            }
            let next = tokio::select! {
                biased;
                () = reader.to.closed() => return,
                next = self.records.next() => next,
            };
            match next {
                Some(Ok(record)) => self.tail.push(record),
                Some(Err(problem)) => self.end = Some(Err(problem)),
                None => self.end = Some(Ok(())),
            }
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// A reader for a client that has come back, where it misses nothing that is gone.
    pub(super) fn attach(&self, Attach { after, to }: Attach) -> Option<Reader> {
        let has_all = self.tail.last() == Some(after);
        let (attached, reader) = match &self.end {
            Some(Ok(())) if has_all => (Attached::Complete, None),
            // It knows that its stream broke off, and asks for another.
            Some(Err(_)) if has_all => (Attached::Gone, None),
            _ if self.tail.reaches_back_to(after) => {
                let (reader, records) = Reader::new(Some(after));
                (Attached::Resumed(records), Some(reader))
            }
            _ => (Attached::Gone, None),
        };
        // It may have left again.
        to.send(attached).ok().and(reader)
    }
}
