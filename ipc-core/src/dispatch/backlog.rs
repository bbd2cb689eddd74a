//! What a consumer has handed to dispatch and dispatch has not looked at yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::transport::Event;

/// From so many records on the consumer waits. It hands over at most as many at
/// once, so that fewer than twice as many are on their way: so far a window can be
/// exceeded.
const LONG: usize = 512;

/// Counts the records between a consumer and its engine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backlog(Arc<AtomicUsize>);

impl Backlog {
    /// Counts the event's records until the answer is dropped.
    pub(crate) fn queue(&self, event: &Event) -> Queued {
        let records = match event {
            Event::Records(records) => records.len(),
            _ => 0,
        };
        self.0.fetch_add(records, Ordering::AcqRel);
        Queued {
            backlog: self.clone(),
            records,
        }
    }

    /// Whether more records would only lie behind those that are there.
    pub(crate) fn is_long(&self) -> bool {
        self.0.load(Ordering::Acquire) >= LONG
    }
}

/// Records on their way.
#[derive(Debug)]
pub(crate) struct Queued {
    backlog: Backlog,
    records: usize,
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.backlog.0.fetch_sub(self.records, Ordering::AcqRel);
    }
}
