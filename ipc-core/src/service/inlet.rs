//! From the request consumer's thread to dispatch.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::dispatch::{Backlog, Input};
use crate::health::ConsumerHealth;
use crate::store::DedupStore;
use crate::transport::{Event, Inlet};

/// Hands events on, and reports that the poll loop turns.
pub(super) struct Requests {
    inputs: mpsc::UnboundedSender<Input>,
    backlog: Backlog,
    health: Arc<ConsumerHealth>,
    dedup: Option<Arc<dyn DedupStore>>,
}

impl Requests {
    pub(super) fn new(
        inputs: mpsc::UnboundedSender<Input>,
        health: Arc<ConsumerHealth>,
        dedup: Option<Arc<dyn DedupStore>>,
    ) -> Self {
        Self {
            inputs,
            backlog: Backlog::default(),
            health,
            dedup,
        }
    }
}

impl Inlet for Requests {
    fn take(&mut self, event: Event) {
        match (&event, &self.dedup) {
            (Event::Troubled(reason), _) => tracing::warn!(reason, "consumer in trouble"),
            (Event::Revoked(revocation), Some(dedup)) => {
                for gone in &revocation.partitions {
                    dedup.left(&gone.topic, gone.partition);
                }
            }
            _ => {}
        }
        // An engine that has ended lets go of what it is told.
        let queued = self.backlog.queue(&event);
        let _ = self.inputs.send(Input::Event(event, queued));
    }

    fn turned(&mut self) {
        self.health.polled(Instant::now());
    }

    fn is_behind(&self) -> bool {
        self.backlog.is_long()
    }
}
