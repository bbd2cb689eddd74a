//! Reading the topic that instances agree through.

use std::sync::Arc;

use ipc_core::transport::{Event, Inlet};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::board::Board;
use super::record::Record;

/// Goes where the topic says.
pub(super) struct Follower {
    pub(super) fleet: String,
    pub(super) board: Arc<Mutex<Board>>,
    pub(super) caught_up: Arc<Notify>,
}

impl Inlet for Follower {
    fn take(&mut self, event: Event) {
        let Event::Records(batch) = event else { return };
        let now = Instant::now();
        let mut board = self.board.lock();
        for received in batch {
            if let Some(record) = Record::parse(&self.fleet, &received.envelope) {
                board.take(record, received.origin.offset, now);
            }
        }
    }

    fn looks_for_end(&self) -> bool {
        true
    }

    fn at_end(&mut self) {
        self.board.lock().caught_up();
        self.caught_up.notify_one();
    }
}
