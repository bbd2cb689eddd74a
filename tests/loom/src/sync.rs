//! Loom's, in place of what `ipc-core/src/dispatch/sync.rs` has.

use std::task::Waker;

pub(crate) use loom::sync::atomic::{AtomicBool, Ordering};

/// As dispatch has it.
#[derive(Debug)]
pub(crate) struct AtomicWaker(loom::future::AtomicWaker);

impl Default for AtomicWaker {
    fn default() -> Self {
        Self(loom::future::AtomicWaker::new())
    }
}

impl AtomicWaker {
    pub(crate) fn register(&self, waker: &Waker) {
        self.0.register_by_ref(waker);
    }

    pub(crate) fn wake(&self) {
        self.0.wake();
    }
}
