//! A call whose answer is not complete.

use std::sync::Arc;

use super::Shared;
use super::pending::Registration;
use crate::envelope::control::Control;
use crate::transport::{Ack, Outgoing};

/// A call under way. Dropped before it is finished it tells the service that
/// nobody waits any more.
pub(crate) struct OpenCall {
    shared: Arc<Shared>,
    service: String,
    registration: Registration,
    finished: bool,
}

impl OpenCall {
    pub(super) fn new(shared: Arc<Shared>, service: String, registration: Registration) -> Self {
        Self {
            shared,
            service,
            registration,
            finished: false,
        }
    }

    /// The answer is complete, or nobody can be told.
    pub(super) fn finish(mut self) {
        self.finished = true;
    }

    /// Tells the service how much of the answer has been read.
    pub(super) fn credit(&self, bytes: u64) {
        let credit = Control::Credit {
            correlation_id: self.registration.id().clone(),
            caller: self.shared.caller.clone(),
            bytes,
            records: None,
        };
        self.shared.control(&self.service, &credit);
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        if !self.finished {
            let cancel = Control::Cancel {
                correlation_id: self.registration.id().clone(),
                caller: self.shared.caller.clone(),
            };
            self.shared.control(&self.service, &cancel);
        }
    }
}

impl Shared {
    /// A foreign service knows no control records.
    fn control(&self, service: &str, control: &Control) {
        if self.dialects.contains_key(service) {
            return;
        }
        let record = Outgoing {
            topic: self.names.control(service),
            partition: Some(0),
            envelope: control.to_envelope(),
        };
        self.transport.send(&record, Ack::ignored());
    }
}

impl std::fmt::Debug for OpenCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenCall")
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}
