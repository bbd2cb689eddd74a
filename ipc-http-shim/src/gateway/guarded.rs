//! Requests past a breaker, and what their ends say of who was asked.

use axum::body::Body;
use http::Response;
use ipc_breaker::{Outcome, Permit, Refused};
use ipc_core::envelope::Problem;

use super::accepted::Deferred;
use super::answer::Refusal;
use crate::breaker::Guard;

/// A request that may be sent.
#[derive(Debug)]
pub(super) struct Passed<'g>(Option<(&'g Guard, Permit<'g>)>);

/// Whether a request may be sent.
pub(super) fn pass(guard: Option<&Guard>) -> Result<Passed<'_>, Refused> {
    let Some(guard) = guard else {
        return Ok(Passed(None));
    };
    let permit = guard.acquire()?;
    Ok(Passed(permit.map(|permit| (guard, permit))))
}

impl Passed<'_> {
    /// Has `answer` come about, and tells the breaker what it says. Dropped before its end
    /// the request was given up by its client, which says nothing.
    pub(super) async fn until(
        self,
        answer: impl Future<Output = Result<Response<Body>, Refusal>>,
    ) -> Result<Response<Body>, Refusal> {
        let Self(Some((guard, permit))) = self else {
            return answer.await;
        };
        let answer = answer.await;
        if let Some(outcome) = outcome(&answer) {
            guard.record(permit, outcome);
        }
        answer
    }
}

/// Refuses a request for which the breaker is known to be open, before its body is read
/// for nothing.
pub(super) fn check(guard: Option<&Guard>) -> Result<(), Refusal> {
    match guard.and_then(Guard::refusal) {
        Some(refused) => Err(refused.into()),
        None => Ok(()),
    }
}

/// What an answer says of who gave it; nothing where nobody was asked.
fn outcome(answer: &Result<Response<Body>, Refusal>) -> Option<Outcome> {
    match answer {
        // The calls that are waited for say how the service does.
        Ok(response) if response.extensions().get::<Deferred>().is_some() => None,
        Ok(response) if response.status().is_server_error() => Some(Outcome::Failure),
        Ok(_) => Some(Outcome::Success),
        Err(refusal) => refusal.outcome(),
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let problem = Problem::new(
            "breaker-open",
            "the service has been failing, and is not asked for now",
            503,
        )
        .with_detail("nothing was sent: the request can be repeated safely");
        Self::unsent(problem, refused.retry_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_the_service_did_not_give_says_nothing_of_it() {
        let answered = Ok(Response::new(Body::empty()));
        let mut deferred = Response::new(Body::empty());
        deferred.extensions_mut().insert(Deferred);

        assert_eq!(outcome(&answered), Some(Outcome::Success));
        assert_eq!(outcome(&Ok(deferred)), None);
    }
}
