//! From the request consumer's thread to dispatch.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::dispatch::Input;
use crate::health::ConsumerHealth;
use crate::transport::{Event, Inlet};

/// Hands events on, and reports that the poll loop turns.
pub(super) struct Requests {
    inputs: mpsc::UnboundedSender<Input>,
    health: Arc<ConsumerHealth>,
}

impl Requests {
    pub(super) fn new(inputs: mpsc::UnboundedSender<Input>, health: Arc<ConsumerHealth>) -> Self {
        Self { inputs, health }
    }
}

impl Inlet for Requests {
    fn take(&mut self, event: Event) {
        if let Event::Troubled(reason) = &event {
            tracing::warn!(reason, "consumer in trouble");
        }
        // An engine that has ended lets go of what it is told.
        let _ = self.inputs.send(Input::Event(event));
    }

    fn turned(&mut self) {
        self.health.polled(Instant::now());
    }
}
