//! Who sent the request, as a gateway has vouched for it.

use std::time::Duration;

use ::http::request::Parts;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};

use super::facts::{self, FactRejection};
use crate::dispatch::Delivery;
use crate::envelope::principal::{Covered, Distrust};
use crate::envelope::{Principal, Problem, names};

/// By how much a gateway's clock may be ahead of this one.
const AHEAD: Duration = Duration::from_secs(30);

/// The client that a gateway has verified. A request without one is answered 401; so is
/// one whose `ipc-principal` is not for it, also where an `Option` is asked for.
impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = FactRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, FactRejection> {
        let delivery = facts::delivery(parts)?;
        principal(delivery)?.ok_or_else(|| {
            let problem = unauthenticated("the request does not say who sends it");
            FactRejection::new(problem)
        })
    }
}

/// `None` where nobody is said to have sent it, and over plain HTTP.
impl<S: Sync> OptionalFromRequestParts<S> for Principal {
    type Rejection = FactRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, FactRejection> {
        match facts::delivery(parts) {
            Ok(delivery) => principal(delivery),
            Err(_) => Ok(None),
        }
    }
}

/// Who sent the record, where it says so and can be believed.
fn principal(delivery: &Delivery) -> Result<Option<Principal>, FactRejection> {
    let headers = &delivery.envelope.headers;
    let mut values = headers
        .iter()
        .filter(|header| header.name == names::PRINCIPAL);
    let Some(header) = values.next() else {
        return Ok(None);
    };
    // Which of two is meant must not be guessed.
    let value = header.value.as_deref().filter(|_| values.next().is_none());
    let trusted = delivery.policy.principals.as_ref();
    let trusted = trusted.ok_or_else(|| FactRejection::new(no_keys()))?;
    let head = &delivery.head;
    let request = Covered {
        correlation_id: (head.correlation_id.as_ref()).map_or(&[], |id| &**id.as_bytes()),
        method: head.method.as_deref().unwrap_or_default(),
        path: head.path.as_deref().unwrap_or_default(),
        key: delivery.envelope.key.as_deref(),
        shadow: head.shadow,
        body: delivery.envelope.payload.as_deref().unwrap_or_default(),
    };
    let verified = value
        .ok_or(Distrust::Unreadable)
        .and_then(|value| trusted.verify().verify(value, &request));
    let believed = verified.and_then(|(principal, said)| {
        let now = delivery.began_at;
        if said > now.plus(AHEAD) {
            Err(Distrust::FromTheFuture)
        } else if said.plus(delivery.policy.max_age) < now {
            Err(Distrust::TooOld)
        } else {
            Ok(principal)
        }
    });
    believed.map(Some).map_err(|why| {
        FactRejection::new(
            unauthenticated("the request's sender is not known").with_detail(why.to_string()),
        )
    })
}

fn unauthenticated(title: &'static str) -> Problem {
    Problem::new("unauthenticated", title, 401)
}

fn no_keys() -> Problem {
    Problem::new(
        "not-configured",
        "the service cannot tell who sends a request",
        500,
    )
    .with_private("no keys are set: give them to ServiceBuilder::principals".to_owned())
}
