//! What an outcome says about another attempt.

use std::time::Duration;

use crate::dispatch::{Outcome, Reason, Repeat, Reply};

/// Whether another attempt may help.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// The work is over, for better or worse.
    Ended,
    /// It waits without an attempt being counted.
    Waits,
    /// It failed, and may not fail again.
    Failed {
        /// How long to wait at least.
        at_least: Duration,
    },
}

pub(super) fn of(outcome: &Outcome) -> Verdict {
    match outcome {
        Outcome::Failed(failure) if failure.retryable => Verdict::Failed {
            at_least: Duration::ZERO,
        },
        Outcome::Reply(reply) => of_reply(reply),
        Outcome::NotNow { .. } | Outcome::Retry { .. } | Outcome::Deferred => Verdict::Waits,
        Outcome::Done | Outcome::Failed(_) | Outcome::DeadLettered(_) => Verdict::Ended,
    }
}

fn of_reply(reply: &Reply) -> Verdict {
    // What the framework answers in the handler's place it would answer again.
    let handlers = matches!(reply.cause, None | Some(Reason::Timeout));
    if reply.status < 500 || !handlers {
        return Verdict::Ended;
    }
    match reply.repeat {
        Repeat::Never => Verdict::Ended,
        Repeat::Unsaid => Verdict::Failed {
            at_least: Duration::ZERO,
        },
        Repeat::After(at_least) => Verdict::Failed { at_least },
    }
}
