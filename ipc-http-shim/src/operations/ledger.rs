//! The board, and who waits for news of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ipc_core::envelope::{CorrelationId, UnixMillis};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::board::{Board, Look};
use super::metrics::OperationMetrics;
use super::record::Record;

/// The board, shared by those who read the topic and those who ask.
#[derive(Debug)]
pub(crate) struct Ledger {
    board: Mutex<Board>,
    /// Who waits for which operation, and how many these are.
    waiting: Mutex<HashMap<CorrelationId, (Arc<Notify>, usize)>>,
    /// Whether everything that was in the topic at first is read.
    caught_up: AtomicBool,
    metrics: OperationMetrics,
}

impl Ledger {
    pub(super) fn new(room: usize, keep: Duration, metrics: OperationMetrics) -> Self {
        Self {
            board: Mutex::new(Board::new(room, keep)),
            waiting: Mutex::default(),
            caught_up: AtomicBool::new(false),
            metrics,
        }
    }

    /// Takes records, each with when it was written.
    pub(super) fn take(&self, records: impl IntoIterator<Item = (Record, UnixMillis)>) {
        let now = UnixMillis::now();
        let mut board = self.board.lock();
        let told: Vec<_> = records
            .into_iter()
            .filter_map(|(record, at)| board.take(record, at, now))
            .collect();
        // One after the other, as it was.
        self.metrics.show(board.extent());
        drop(board);
        let waiting = self.waiting.lock();
        if waiting.is_empty() {
            return;
        }
        for id in told {
            if let Some((notify, _)) = waiting.get(&id) {
                notify.notify_waiters();
            }
        }
    }

    pub(super) fn caught_up(&self) {
        self.caught_up.store(true, Ordering::Release);
    }

    /// Whether everything that was in the topic at first is read.
    pub(super) fn is_caught_up(&self) -> bool {
        self.caught_up.load(Ordering::Acquire)
    }

    /// What became of an operation.
    pub(super) fn look(&self, id: &CorrelationId) -> Look {
        self.board.lock().look(id, UnixMillis::now())
    }

    /// What became of an operation, once that is of use, or at `end`.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is changed.
    pub(super) async fn look_until(
        &self,
        id: &CorrelationId,
        end: Instant,
        is_of_use: impl Fn(&Look) -> bool,
    ) -> Look {
        let look = self.look(id);
        if is_of_use(&look) {
            return look;
        }
        let waiter = self.wait_for(id);
        loop {
            // Listens before it looks, so that it misses nothing in between.
            let mut news = std::pin::pin!(waiter.notify.notified());
            news.as_mut().enable();
            let look = self.look(id);
            if is_of_use(&look) || timeout_at(end, news).await.is_err() {
                return look;
            }
        }
    }

    fn wait_for(&self, id: &CorrelationId) -> Waiter<'_> {
        let mut waiting = self.waiting.lock();
        let (notify, count) = waiting.entry(id.clone()).or_default();
        *count += 1;
        Waiter {
            ledger: self,
            id: id.clone(),
            notify: Arc::clone(notify),
        }
    }
}

/// One who waits; gone when dropped.
struct Waiter<'l> {
    ledger: &'l Ledger,
    id: CorrelationId,
    notify: Arc<Notify>,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut waiting = self.ledger.waiting.lock();
        if let Some((_, count)) = waiting.get_mut(&self.id) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.id);
            }
        }
    }
}
