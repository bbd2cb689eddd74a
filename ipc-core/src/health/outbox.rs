//! The handle through which the relay of an outbox reports.

use std::sync::Arc;

use super::State;

/// An outbox, as its relay finds it. It counts until this is dropped.
#[derive(Debug)]
pub struct OutboxHealth(Arc<State>);

impl OutboxHealth {
    pub(super) fn new(state: &Arc<State>) -> Self {
        Self(Arc::clone(state))
    }

    /// What there is to be warned of, in place of what there was.
    pub fn warn(&self, warnings: Vec<String>) {
        self.0.known.lock().outbox = warnings;
    }
}

impl Drop for OutboxHealth {
    fn drop(&mut self) {
        self.0.known.lock().outbox.clear();
    }
}
