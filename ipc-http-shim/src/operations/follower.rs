//! Reading the topic of operations.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ipc_core::envelope::UnixMillis;
use ipc_core::transport::{Event, Inlet};
use tokio::sync::Notify;

use super::ledger::Ledger;
use super::record::Record;

/// Puts one partition's records on the board.
pub(super) struct Follower {
    pub(super) ledger: Arc<Ledger>,
    pub(super) reading: Arc<Reading>,
    pub(super) at_end: bool,
}

/// How far the partitions are read.
#[derive(Debug)]
pub(super) struct Reading {
    /// How many are not read to the end that they had at first.
    pub(super) behind: AtomicUsize,
    pub(super) caught_up: Notify,
}

impl Inlet for Follower {
    fn take(&mut self, event: Event) {
        let Event::Records(batch) = event else { return };
        let records = batch.into_iter().filter_map(|received| {
            let record = Record::parse(&received.envelope)?;
            let at = received.origin.timestamp.millis();
            Some((record, at.unwrap_or_else(UnixMillis::now)))
        });
        self.ledger.take(records);
    }

    fn looks_for_end(&self) -> bool {
        true
    }

    fn at_end(&mut self) {
        if std::mem::replace(&mut self.at_end, true) {
            return;
        }
        if self.reading.behind.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.ledger.caught_up();
            self.reading.caught_up.notify_one();
        }
    }
}
