//! Where the handler of an exactly-once endpoint writes.

use ::http::request::Parts;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};

use super::FactRejection;
use super::facts;
use crate::dispatch::Outputs;
use crate::envelope::Problem;

/// Rejected with 500 where the endpoint is not exactly once: nothing would be written.
impl<S: Sync> FromRequestParts<S> for Outputs {
    type Rejection = FactRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, FactRejection> {
        let outputs = facts::delivery(parts)?.outputs().cloned();
        outputs.ok_or_else(|| {
            let problem = Problem::new("no-transaction", "The request has no transaction", 500);
            FactRejection::new(problem.with_detail(
                "the handler writes in a transaction: give its endpoint delivery = exactly_once",
            ))
        })
    }
}

/// `None` where the endpoint is not exactly once.
impl<S: Sync> OptionalFromRequestParts<S> for Outputs {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> Result<Option<Self>, std::convert::Infallible> {
        let delivery = facts::delivery(parts).ok();
        Ok(delivery.and_then(|delivery| delivery.outputs().cloned()))
    }
}
