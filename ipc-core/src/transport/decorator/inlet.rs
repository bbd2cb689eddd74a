//! An inlet before another.

use crate::transport::{Event, Inlet};

/// An [`Inlet`] before another, whose events go through `F` first.
pub struct Tap<F> {
    inner: Box<dyn Inlet>,
    change: F,
}

impl<F: FnMut(Event) -> Event + Send> Tap<F> {
    /// Lets `change` see what `inner` is about to take, or alter it.
    pub fn new(inner: Box<dyn Inlet>, change: F) -> Self {
        Self { inner, change }
    }
}

impl<F: FnMut(Event) -> Event + Send> Inlet for Tap<F> {
    fn take(&mut self, event: Event) {
        self.inner.take((self.change)(event));
    }

    fn turned(&mut self) {
        self.inner.turned();
    }

    fn is_behind(&self) -> bool {
        self.inner.is_behind()
    }

    fn looks_for_end(&self) -> bool {
        self.inner.looks_for_end()
    }

    fn at_end(&mut self) {
        self.inner.at_end();
    }
}

impl<F> std::fmt::Debug for Tap<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tap").finish_non_exhaustive()
    }
}
