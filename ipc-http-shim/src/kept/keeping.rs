//! Keeping one stream for as long as its client may come back.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::Asked;
use super::metrics::{KeptMetrics, Reason};
use super::places::Places;
use super::running::{Attach, Reader, Running};

/// The keeping of one stream. Dropping it gives up its place.
pub(super) struct Keeping {
    pub(super) id: Arc<str>,
    pub(super) asked: Arc<Asked>,
    pub(super) places: Arc<Mutex<Places>>,
    pub(super) metrics: KeptMetrics,
    pub(super) grace: Duration,
}

impl Keeping {
    /// Has a stream read by one reader after the other, until none has come for too long or
    /// its place has gone.
    pub(super) async fn run(
        self,
        mut running: Running,
        mut reader: Reader,
        mut attached: mpsc::Receiver<Attach>,
    ) {
        loop {
            let attach = tokio::select! {
                biased;
                attach = attached.recv() => attach,
                () = running.feed(&mut reader) => {
                    drop(reader);
                    match self.wait(&mut running, &mut attached).await {
                        Some(next) => reader = next,
                        None => return,
                    }
                    continue;
                }
            };
            match attach {
                // Whoever comes back may have left without our having seen it yet.
                Some(attach) => reader = running.attach(attach).unwrap_or(reader),
                None => return running.feed(&mut reader).await,
            }
        }
    }

    /// Waits for a client to come back.
    async fn wait(
        &self,
        running: &mut Running,
        attached: &mut mpsc::Receiver<Attach>,
    ) -> Option<Reader> {
        self.set_read(false);
        let end = Instant::now() + self.grace;
        loop {
            let Ok(attach) = timeout_at(end, attached.recv()).await else {
                if !running.has_ended() {
                    self.metrics.given_up(&self.asked.route, Reason::time);
                }
                return None;
            };
            if let Some(reader) = running.attach(attach?) {
                self.set_read(true);
                return Some(reader);
            }
        }
    }

    fn set_read(&self, is_read: bool) {
        let mut places = self.places.lock();
        places.set_read(&self.id, is_read);
        self.metrics.show_waiting(places.waiting());
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        let mut places = self.places.lock();
        places.remove(&self.id);
        self.metrics.show_waiting(places.waiting());
    }
}
