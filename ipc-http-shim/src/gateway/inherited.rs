//! The time that is left to a process which asks a service for its own caller's sake.

use std::time::Duration;

use http::HeaderMap;
use ipc_core::envelope::names::DEADLINE;
use ipc_core::envelope::{Problem, UnixMillis};

use super::answer::Refusal;
use super::destination::{Destination, Found};

/// The deadline that a sender hands on as it was told it. What is none counts for nothing.
pub(super) fn deadline(headers: &HeaderMap) -> Option<UnixMillis> {
    let told = headers.get(DEADLINE)?.to_str().ok()?;
    told.parse().ok().map(UnixMillis)
}

impl Found<'_> {
    /// For a request whose answer nobody waits for beyond this deadline.
    pub(super) fn until(mut self, deadline: UnixMillis) -> Self {
        let left = deadline.since(UnixMillis::now());
        let is_passed_on = !matches!(
            self.destination,
            Destination::Nowhere(_) | Destination::Here(_) | Destination::Operation(_)
        );
        if left == Duration::ZERO && is_passed_on {
            self.destination = Destination::Nowhere(passed());
        }
        self.within(left)
    }

    /// For a request whose answer nobody waits for any longer than this.
    pub(super) fn within(mut self, longest: Duration) -> Self {
        match &mut self.destination {
            Destination::Service(to, _) => to.timeout = to.timeout.min(longest),
            Destination::Moving(moving) => moving.to.timeout = moving.to.timeout.min(longest),
            Destination::Legacy { timeout, .. } => *timeout = (*timeout).min(longest),
            Destination::Aggregate(aggregate) => aggregate.within(longest),
            Destination::Operation(_) | Destination::Nowhere(_) | Destination::Here(_) => {}
        }
        self
    }
}

fn passed() -> Refusal {
    Problem::new("deadline-passed", "nobody waits for the answer", 504)
        .with_detail("the deadline in ipc-deadline has passed; nothing was sent")
        .into()
}
