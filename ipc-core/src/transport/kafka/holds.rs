//! Revocations that the inlet has not let go of when the group goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

/// How many revocations are overdue. While any is, the inlet may still act for
/// partitions that belong to somebody else.
#[derive(Clone, Default)]
pub(super) struct Holds(Arc<AtomicUsize>);

/// One revocation. Clones are the same one.
#[derive(Clone)]
pub(super) struct Hold {
    overdue: Holds,
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Held,
    Overdue,
    Released,
}

impl Holds {
    pub(super) fn new_hold(&self) -> Hold {
        Hold {
            overdue: self.clone(),
            state: Arc::new(Mutex::new(State::Held)),
        }
    }

    pub(super) fn any_overdue(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}

impl Hold {
    /// The group goes on.
    pub(super) fn is_due(&self) {
        let mut state = self.state.lock();
        if *state == State::Held {
            *state = State::Overdue;
            self.overdue.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// The inlet has let go.
    pub(super) fn release(&self) {
        let mut state = self.state.lock();
        if std::mem::replace(&mut *state, State::Released) == State::Overdue {
            self.overdue.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revocation_is_overdue_from_its_bound_until_it_is_let_go() {
        let holds = Holds::default();
        let (prompt, late) = (holds.new_hold(), holds.new_hold());
        prompt.release();
        prompt.is_due();
        assert!(!holds.any_overdue());
        late.is_due();
        assert!(holds.any_overdue());
        late.release();
        late.is_due();
        assert!(!holds.any_overdue());
    }
}
