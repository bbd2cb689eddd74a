//! The legacy upstream in the place of a service that did not answer.

use std::sync::Arc;
use std::time::Duration;

use ipc_breaker::Budget;
use tokio::time::Instant;

use super::answer::Refusal;
use super::guarded::{Passed, pass};
use crate::breaker::{Backend, Guard, Guards};
use crate::config::Route;
use crate::migration::route::Standing;

/// How many requests may be asked a second time: this share of those that the service
/// answered lately, and a reserve for a route with few.
const SHARE: f64 = 0.2;
const RESERVE: u32 = 10;
const WINDOW: Duration = Duration::from_secs(10);

/// What keeps the legacy upstream from getting more than it bears.
#[derive(Debug)]
pub(super) struct Fallback {
    /// The breaker before it.
    guard: Option<Arc<Guard>>,
    budget: Budget,
    /// What the budget's times count from.
    began: Instant,
}

impl Fallback {
    /// That of a route, where it has one.
    pub(super) fn of(route: &Route, label: &Arc<str>, guards: &Guards<'_>) -> Option<Self> {
        let falls_back = route.migration.as_ref().is_some_and(|it| it.fallback);
        falls_back.then(|| Self {
            guard: guards.of(route, label, Backend::Fallback),
            budget: Budget::new(SHARE, RESERVE, WINDOW),
            began: Instant::now(),
        })
    }

    pub(super) fn guard(&self) -> Option<&Arc<Guard>> {
        self.guard.as_ref()
    }

    /// The service has answered.
    pub(super) fn succeeded(&self) {
        self.budget.deposit(self.began.elapsed());
    }

    /// Whether a request may go on to the legacy upstream that ended with `refusal` at the
    /// service. One that the service never got is no more work than it ever was; one that
    /// it may be working on is asked a second time, which the budget bounds.
    pub(super) fn takes(&self, refusal: &Refusal, standing: &Standing) -> Option<Passed<'_>> {
        let passed = pass(self.guard.as_deref()).ok()?;
        if refusal.may_be_executed() && !self.budget.withdraw(self.began.elapsed()) {
            standing.over_budget();
            return None;
        }
        Some(passed)
    }
}
