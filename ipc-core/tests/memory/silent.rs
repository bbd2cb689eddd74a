//! A log whose broker may fall silent.

use std::sync::Arc;

use ipc_core::transport::memory::MemoryTransport;
use ipc_core::transport::{Ack, Outgoing, Transport, TransportDecorator};
use parking_lot::Mutex;

/// While it is silent, what is sent is neither taken nor refused.
pub(crate) struct Silent {
    inner: Arc<MemoryTransport>,
    unsettled: Mutex<Option<Vec<Ack>>>,
}

impl Silent {
    pub(crate) fn new(inner: Arc<MemoryTransport>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            unsettled: Mutex::new(None),
        })
    }

    pub(crate) fn fall_silent(&self) {
        *self.unsettled.lock() = Some(Vec::new());
    }

    /// What was sent meanwhile is lost.
    pub(crate) fn answer_again(&self) {
        self.unsettled.lock().take();
    }
}

impl TransportDecorator for Silent {
    fn inner(&self) -> &dyn Transport {
        &*self.inner
    }

    fn send(&self, record: &Outgoing, ack: Ack) {
        match &mut *self.unsettled.lock() {
            Some(unsettled) => unsettled.push(ack),
            None => self.inner.send(record, ack),
        }
    }
}
