//! What became of a request that is answered later.

use std::time::Duration;

use axum::body::Body;
use http::header::{ALLOW, CACHE_CONTROL};
use http::{HeaderValue, Method, Request, Response, request};
use ipc_core::envelope::{CorrelationId, Problem};

use super::accepted::{replied, running};
use super::answer::Refusal;
use super::{Inner, auth};
use crate::auth::Principal;
use crate::config::HeaderChanges;
use crate::operations::{Accepted, Look, owner};
use crate::peer::Peer;

/// The longest that a client is told to wait before it asks again, in seconds.
const SELDOMEST: u64 = 30;

impl Inner {
    /// The operation that a request asks for; `Some(None)` where it can be none.
    pub(super) fn operation_asked_for(
        &self,
        head: &request::Parts,
    ) -> Option<Option<CorrelationId>> {
        // What a browser asks before its page may is answered as elsewhere.
        let operations = self.operations.as_ref()?;
        let named = operations.named_by(head.uri.path());
        named.filter(|_| head.method != Method::OPTIONS)
    }

    /// Answers with the service's reply, once it is there.
    pub(super) async fn operation(
        &self,
        id: Option<CorrelationId>,
        request: Request<Body>,
        peer: &Peer,
    ) -> Result<Response<Body>, Refusal> {
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            return Err(only_read());
        }
        let (Some(operations), Some(id)) = (&self.operations, id) else {
            return Err(unknown());
        };
        let (mut head, _) = request.into_parts();
        match operations.look(&id).await {
            None => Err(behind()),
            Some(Look::Unknown) => Err(unknown()),
            Some(Look::Gone) => Err(gone()),
            Some(Look::Running(accepted)) => {
                self.check_owner(&accepted, &mut head, peer).await?;
                Ok(running(&id, &operations.path_of(&id), ask_again(&id)))
            }
            Some(Look::Answered(accepted, reply)) => {
                let changes = self.check_owner(&accepted, &mut head, peer).await?;
                let mut answer = replied(&id, &reply);
                if let Some(changes) = changes {
                    changes.apply(answer.headers_mut());
                }
                Ok(answer)
            }
        }
    }

    /// Refuses whoever is not the one who sent the request, as if there were none. Answers
    /// what the request's route changes of its answers.
    async fn check_owner(
        &self,
        accepted: &Accepted,
        head: &mut request::Parts,
        peer: &Peer,
    ) -> Result<Option<&HeaderChanges>, Refusal> {
        let route = self.destinations.labelled(&accepted.route);
        let changes = route.map(|(_, changes)| changes);
        let Some(named) = &accepted.owner else {
            return Ok(changes);
        };
        // Without its route nobody can prove anything.
        let guard = route.and_then(|(guard, _)| guard).ok_or_else(unknown)?;
        match auth::admit(guard, head, peer).await {
            // Whether the client is who it says cannot be known at present.
            Err(refusal) if refusal.status() == 503 => return Err(refusal),
            Err(_) => return Err(unknown()),
            Ok(()) => {}
        }
        let principal: Option<Principal> = head.extensions.remove();
        match principal.is_some_and(|principal| owner(&principal) == *named) {
            true => Ok(changes),
            false => Err(unknown()),
        }
    }
}

/// In how many seconds to ask again: the more seldom, the longer it has taken.
fn ask_again(id: &CorrelationId) -> u64 {
    let age = crate::operations::age(id).unwrap_or_default();
    (age.as_secs() / 4).clamp(1, SELDOMEST)
}

fn unknown() -> Refusal {
    uncached(Problem::new(
        "no-operation",
        "there is no such operation",
        404,
    ))
}

fn gone() -> Refusal {
    let problem = Problem::new("operation-gone", "the operation is not kept any more", 410)
        .with_detail("its time is over, or there was no room for its answer");
    uncached(problem)
}

fn behind() -> Refusal {
    let problem = Problem::new(
        "operations-unread",
        "the gateway does not know its operations yet",
        503,
    );
    uncached(problem).retry_after(Duration::from_secs(1))
}

fn only_read() -> Refusal {
    let problem = Problem::new("method-not-allowed", "an operation can only be read", 405)
        .with_detail("methods served here: GET, HEAD");
    Refusal::from(problem).with_header(ALLOW, HeaderValue::from_static("GET, HEAD"))
}

fn uncached(problem: Problem) -> Refusal {
    Refusal::from(problem).with_header(CACHE_CONTROL, HeaderValue::from_static("no-store"))
}
