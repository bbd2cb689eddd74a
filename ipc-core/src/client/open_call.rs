//! A call whose answer is not complete.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::Shared;
use super::callee::Callee;
use super::pending::Registration;
use super::slot::Told;
use crate::envelope::CorrelationId;
use crate::envelope::control::Control;
use crate::metrics::ClientMetrics;
use crate::transport::{Ack, Outgoing};

/// A call under way. Dropped before it is finished it tells the service that
/// nobody waits any more.
pub(crate) struct OpenCall {
    shared: Arc<Shared>,
    callee: Arc<Callee>,
    registration: Registration,
    finished: bool,
}

impl OpenCall {
    pub(super) fn new(
        shared: Arc<Shared>,
        callee: Arc<Callee>,
        registration: Registration,
    ) -> Self {
        Self {
            shared,
            callee,
            registration,
            finished: false,
        }
    }

    pub(super) fn id(&self) -> &CorrelationId {
        self.registration.id()
    }

    pub(super) fn metrics(&self) -> &ClientMetrics {
        self.shared.metrics.client()
    }

    /// What the call is told first; `None` where nothing comes any more.
    ///
    /// # Cancel safety
    ///
    /// Safe: what was not taken is there for the next.
    pub(super) async fn told(&self) -> Option<Told> {
        self.registration.told().await
    }

    /// The last record of the answer has come.
    pub(super) fn complete(mut self) {
        self.registration.complete();
        self.finished = true;
    }

    /// The call ends without an answer, and nobody can be told.
    pub(super) fn give_up(mut self) {
        self.finished = true;
    }

    /// Cancelled when this instance of the service has gone; never for a foreign one.
    pub(super) fn gone(&self, instance: &str) -> CancellationToken {
        let watched = self.shared.watch(&self.callee);
        watched.map_or_else(CancellationToken::new, |service| service.gone(instance))
    }

    /// Tells the service how much of the answer has been read.
    pub(super) fn credit(&self, bytes: u64) {
        self.tell(&Control::Credit {
            correlation_id: self.id().clone(),
            caller: self.shared.caller.clone(),
            bytes,
            records: None,
        });
    }

    fn tell(&self, control: &Control) {
        let Some(topic) = &self.callee.control else {
            return;
        };
        let record = Outgoing {
            topic: Arc::clone(topic),
            partition: Some(0),
            envelope: control.to_envelope(),
        };
        self.shared.transport.send(&record, Ack::ignored());
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        if !self.finished {
            self.tell(&Control::Cancel {
                correlation_id: self.id().clone(),
                caller: self.shared.caller.clone(),
            });
        }
    }
}

impl std::fmt::Debug for OpenCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenCall")
            .field("callee", &self.callee)
            .finish_non_exhaustive()
    }
}
