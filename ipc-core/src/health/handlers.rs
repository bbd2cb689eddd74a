//! Running handlers.
//!
//! A handler that waits is ended by its timeout. One that never yields cannot
//! be: it can only be seen from outside.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use slab::Slab;
use tokio::time::Instant;

use super::facts::Overdue;

/// How far past its deadline a handler may run.
pub(super) const GRACE: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Handlers(Mutex<Slab<Running>>);

#[derive(Debug)]
struct Running {
    endpoint: Arc<str>,
    finish_by: Instant,
}

impl Handlers {
    #[inline]
    pub(super) fn watch(
        handlers: &Arc<Self>,
        endpoint: &Arc<str>,
        finish_by: Instant,
    ) -> HandlerWatch {
        let running = Running {
            endpoint: Arc::clone(endpoint),
            finish_by,
        };
        HandlerWatch {
            place: handlers.0.lock().insert(running),
            handlers: Arc::clone(handlers),
        }
    }

    /// Handlers past their deadline by more than [`GRACE`], by endpoint. Looks at
    /// every one that runs: a probe comes every few seconds, handlers end
    /// thousands of times a second.
    pub(super) fn overdue(&self, now: Instant) -> BTreeMap<Arc<str>, Overdue> {
        let mut overdue = BTreeMap::<Arc<str>, Overdue>::new();
        for (_, handler) in self.0.lock().iter() {
            let by = now.saturating_duration_since(handler.finish_by);
            if by <= GRACE {
                continue;
            }
            let endpoint = overdue
                .entry(Arc::clone(&handler.endpoint))
                .or_insert(Overdue { handlers: 0, by });
            endpoint.handlers += 1;
            endpoint.by = endpoint.by.max(by);
        }
        overdue
    }
}

/// A handler being watched, until this is dropped.
#[derive(Debug)]
#[must_use = "the handler counts as ended when this is dropped"]
pub struct HandlerWatch {
    handlers: Arc<Handlers>,
    place: usize,
}

impl Drop for HandlerWatch {
    #[inline]
    fn drop(&mut self) {
        self.handlers.0.lock().remove(self.place);
    }
}
