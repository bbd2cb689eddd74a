//! How a typed handler fails.

use std::fmt;
use std::time::Duration;

use crate::dispatch::{Delivery, Failure, Outcome, Reason, Repeat, Reply};
use crate::envelope::Problem;

/// Why a handler did not do its work, and what that means for a one-way record.
/// A caller who waits is answered with the problem, whatever it means, unless the
/// endpoint's own retries repeat the call.
///
/// A [`Problem`] becomes one by its status: 408, 425, 429 and 503 are *not now*,
/// other 5xx may be retried, everything else is terminal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HandlerError {
    // boxed: every result of a handler has room for it
    problem: Box<Problem>,
    means: Means,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Means {
    Terminal,
    Retryable,
    NotNow(Option<Duration>),
}

impl HandlerError {
    /// No repetition helps: a one-way record is dead-lettered at once.
    #[must_use]
    pub fn terminal(problem: Problem) -> Self {
        Self {
            problem: Box::new(problem),
            means: Means::Terminal,
        }
    }

    /// Another attempt may help.
    #[must_use]
    pub fn retryable(problem: Problem) -> Self {
        Self {
            problem: Box::new(problem),
            means: Means::Retryable,
        }
    }

    /// *Not now*: a one-way record waits at least `after`, and no attempt is
    /// counted.
    #[must_use]
    pub fn retry_after(problem: Problem, after: Duration) -> Self {
        Self {
            problem: Box::new(problem),
            means: Means::NotNow(Some(after)),
        }
    }

    /// What happened.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    pub(super) fn into_outcome(self, delivery: &Delivery) -> Outcome {
        if delivery.head.is_call() {
            return Outcome::Reply(self.into_reply(delivery));
        }
        let retryable = match self.means {
            Means::NotNow(after) => return Outcome::NotNow { after },
            Means::Retryable => true,
            Means::Terminal => false,
        };
        let reason = match self.problem.status {
            400..500 => Reason::ClientError,
            _ => Reason::ServerError,
        };
        Outcome::Failed(Failure {
            reason,
            retryable,
            message: self.problem.to_string().into(),
        })
    }

    pub(super) fn into_reply(self, delivery: &Delivery) -> Reply {
        let problem = match &delivery.head.correlation_id {
            Some(id) => self.problem.with_correlation_id(id),
            None => *self.problem,
        };
        let mut reply = Reply::from(problem);
        if let Means::NotNow(Some(after)) = self.means {
            let whole = after
                .as_secs()
                .saturating_add(u64::from(after.subsec_nanos() > 0));
            reply.headers.push_static("retry-after", whole.to_string());
        }
        reply.repeated(match self.means {
            Means::Terminal => Repeat::Never,
            Means::Retryable | Means::NotNow(None) => Repeat::Unsaid,
            Means::NotNow(Some(after)) => Repeat::After(after),
        })
    }
}

impl From<Problem> for HandlerError {
    fn from(problem: Problem) -> Self {
        let means = match problem.status {
            408 | 425 | 429 | 503 => Means::NotNow(None),
            500.. => Means::Retryable,
            _ => Means::Terminal,
        };
        Self {
            problem: Box::new(problem),
            means,
        }
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl std::error::Error for HandlerError {}
