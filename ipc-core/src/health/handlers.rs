//! Running handlers, in the order in which they should end.
//!
//! A handler that waits is ended by its timeout. One that never yields cannot
//! be: it can only be seen from outside.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::facts::Overdue;

/// How far past its deadline a handler may run.
pub(super) const GRACE: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Handlers(Mutex<Running>);

#[derive(Debug, Default)]
struct Running {
    next_id: u64,
    /// The number tells handlers with the same deadline apart.
    by_deadline: BTreeMap<(Instant, u64), Arc<str>>,
}

impl Handlers {
    pub(super) fn watch(
        handlers: &Arc<Self>,
        endpoint: &Arc<str>,
        finish_by: Instant,
    ) -> HandlerWatch {
        let mut running = handlers.0.lock();
        running.next_id += 1;
        let place = (finish_by, running.next_id);
        running.by_deadline.insert(place, Arc::clone(endpoint));
        HandlerWatch {
            handlers: Arc::clone(handlers),
            place,
        }
    }

    /// Handlers past their deadline by more than [`GRACE`], by endpoint.
    pub(super) fn overdue(&self, now: Instant) -> BTreeMap<Arc<str>, Overdue> {
        let mut overdue = BTreeMap::<Arc<str>, Overdue>::new();
        let running = self.0.lock();
        for ((finish_by, _), endpoint) in &running.by_deadline {
            let by = now.saturating_duration_since(*finish_by);
            if by <= GRACE {
                break;
            }
            // the first of an endpoint is its worst
            overdue
                .entry(Arc::clone(endpoint))
                .or_insert(Overdue { handlers: 0, by })
                .handlers += 1;
        }
        overdue
    }
}

/// A handler being watched, until this is dropped.
#[derive(Debug)]
#[must_use = "the handler counts as ended when this is dropped"]
pub struct HandlerWatch {
    handlers: Arc<Handlers>,
    place: (Instant, u64),
}

impl Drop for HandlerWatch {
    fn drop(&mut self) {
        self.handlers.0.lock().by_deadline.remove(&self.place);
    }
}
