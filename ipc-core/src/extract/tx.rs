//! The transaction of the claim that a request is handled under.

use ::http::request::Parts;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};

use super::FactRejection;
use super::facts;
use crate::dispatch::{Delivery, Idempotency};
use crate::envelope::Problem;
use crate::store::postgres::{NotLent, Tx};

/// Rejected with 500 where the service is not made for it: no claim is ever made for
/// the endpoint, its store is another one, or a handler asks twice. With 400 where
/// only the caller's idempotency key is missing; with 503 where the store is away and
/// the service goes on without.
impl<S: Sync> FromRequestParts<S> for Tx {
    type Rejection = FactRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, FactRejection> {
        let delivery = facts::delivery(parts)?;
        match take(delivery) {
            Some(taken) => taken,
            None => Err(unclaimed(delivery)),
        }
    }
}

/// `None` where the request is handled under no claim of a Postgres store.
impl<S: Sync> OptionalFromRequestParts<S> for Tx {
    type Rejection = FactRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, FactRejection> {
        facts::delivery(parts).ok().and_then(take).transpose()
    }
}

/// `None` where nothing of the kind is lent.
fn take(delivery: &Delivery) -> Option<Result<Tx, FactRejection>> {
    match Tx::take(delivery.lent()?) {
        Ok(tx) => Some(Ok(tx)),
        Err(NotLent::AnotherStore) => None,
        Err(NotLent::Taken) => Some(Err(rejection(
            500,
            "transaction-taken",
            "the transaction of the claim is in use: a handler takes Tx once",
        ))),
    }
}

fn unclaimed(delivery: &Delivery) -> FactRejection {
    if delivery.fence().is_some() || delivery.policy.idempotency == Idempotency::Off {
        return rejection(
            500,
            "no-transaction",
            "the handler needs the transaction of a claim: give its endpoint idempotency, and \
             its service the dedup store PostgresStore",
        );
    }
    let head = &delivery.head;
    if delivery.policy.idempotency == Idempotency::Optional && head.idempotency_key.is_none() {
        return rejection(
            400,
            "idempotency-key-missing",
            "the request is handled under a claim only: send the header idempotency-key",
        );
    }
    rejection(
        503,
        "dedup-store-away",
        "the dedup store does not answer, and the handler works in its transaction",
    )
}

fn rejection(status: u16, kind: &'static str, detail: &'static str) -> FactRejection {
    let problem = Problem::new(kind, "The request has no transaction", status);
    FactRejection::new(problem.with_detail(detail))
}
