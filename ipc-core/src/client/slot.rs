//! Where one call waits.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use super::pending::{Answer, Pending};
use crate::envelope::{CorrelationId, Dialect};
use crate::transport::{Placed, SendError, Settle};

/// What a call is told: its answer, or why its request may not be in the log.
pub(super) type Told = Result<Answer, SendError>;

/// Where one call waits: for its answer, and for word that its request is not in the
/// log. Its acknowledgement, its entry and its future share this one allocation.
pub(super) struct Slot {
    pub(super) id: CorrelationId,
    /// In which its answer comes.
    pub(super) dialect: Dialect,
    pub(super) pending: Arc<Pending>,
    state: Mutex<State>,
}

enum State {
    /// Nothing has come yet.
    Waiting(Option<Waker>),
    /// Boxed: whoever waits has no answer yet, and many may wait.
    Told(Box<Told>),
    /// It was told, or nothing comes any more.
    Ended,
}

impl Slot {
    pub(super) fn new(id: CorrelationId, dialect: Dialect, pending: Arc<Pending>) -> Self {
        Self {
            id,
            dialect,
            pending,
            state: Mutex::new(State::Waiting(None)),
        }
    }

    /// Whether the call still waited for it.
    pub(super) fn tell(&self, told: Told) -> bool {
        self.leave_waiting(State::Told(Box::new(told)))
    }

    /// Nothing comes any more.
    pub(super) fn close(&self) {
        self.leave_waiting(State::Ended);
    }

    fn leave_waiting(&self, next: State) -> bool {
        let mut state = self.state.lock();
        let State::Waiting(waiting) = &mut *state else {
            return false;
        };
        let waiting = waiting.take();
        *state = next;
        drop(state);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
        true
    }

    /// What the call is told; `None` where nothing comes any more.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<Option<Told>> {
        let mut state = self.state.lock();
        if let State::Waiting(waiting) = &mut *state {
            match waiting {
                Some(waker) => waker.clone_from(cx.waker()),
                None => *waiting = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        }
        Poll::Ready(match mem::replace(&mut *state, State::Ended) {
            State::Told(told) => Some(*told),
            State::Waiting(_) | State::Ended => None,
        })
    }
}

/// The acknowledgement of the call's request. Only what is not in the log is told: the
/// call waits for the answer, not for the log.
impl Settle for Slot {
    fn settle(self: Arc<Self>, result: Result<Placed, SendError>) {
        if let Err(error) = result {
            self.pending.fail(&self.id, error);
        }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
