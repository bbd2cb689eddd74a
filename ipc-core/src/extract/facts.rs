//! The one request extension all extractors read, and how they read it.

use ::http::request::Parts;
use axum::response::{IntoResponse, Response};

use crate::dispatch::Delivery;
use crate::envelope::{Problem, problem};

/// The delivered record behind a request.
#[derive(Clone, Debug)]
pub(crate) struct Facts(Delivery);

impl Facts {
    /// The facts of `delivery`.
    pub(crate) fn new(delivery: Delivery) -> Self {
        Self(delivery)
    }
}

/// Something a handler can learn about the record its request came in.
pub(super) trait Fact: Sized {
    /// What is missing and what mends it, where a record lacks the fact.
    const MISSING: &'static str;

    /// The fact, where the record has it.
    fn of(delivery: &Delivery) -> Option<Self>;
}

/// The record behind a request.
pub(super) fn delivery(parts: &Parts) -> Result<&Delivery, FactRejection> {
    let facts = parts.extensions.get::<Facts>();
    facts
        .map(|Facts(delivery)| delivery)
        .ok_or_else(FactRejection::not_kafka)
}

/// Reads a fact of the record behind a request.
pub(super) fn fact<F: Fact>(parts: &Parts) -> Result<F, FactRejection> {
    F::of(delivery(parts)?).ok_or_else(|| FactRejection::missing(F::MISSING))
}

/// Makes facts extractors, and `Option`s of them that are `None` where the fact
/// is absent or the request did not come over Kafka.
macro_rules! extractors {
    ($($fact:ty),+ $(,)?) => {$(
        impl<S: Sync> ::axum::extract::FromRequestParts<S> for $fact {
            type Rejection = $crate::extract::FactRejection;

            async fn from_request_parts(
                parts: &mut ::http::request::Parts,
                _: &S,
            ) -> Result<Self, Self::Rejection> {
                $crate::extract::facts::fact(parts)
            }
        }

        impl<S: Sync> ::axum::extract::OptionalFromRequestParts<S> for $fact {
            type Rejection = ::std::convert::Infallible;

            async fn from_request_parts(
                parts: &mut ::http::request::Parts,
                _: &S,
            ) -> Result<Option<Self>, Self::Rejection> {
                Ok($crate::extract::facts::fact(parts).ok())
            }
        }
    )+};
}
pub(super) use extractors;

/// A fact a handler asks for is not there; answered as problem+json. 400 where
/// the record lacks it, 500 where the request did not come over Kafka at all. What a
/// store lends has reasons of its own not to be there.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct FactRejection(Problem);

impl FactRejection {
    pub(super) fn missing(detail: &'static str) -> Self {
        let problem = Problem::new("missing-fact", "the request lacks what it needs", 400);
        Self(problem.with_detail(detail))
    }

    /// Answered as `problem`.
    pub(super) fn new(problem: Problem) -> Self {
        Self(problem)
    }

    fn not_kafka() -> Self {
        let problem = Problem::new("not-kafka", "the request did not come over Kafka", 500);
        Self(problem.with_detail(
            "the handler needs a fact of a Kafka record: let it take an Option where it also serves HTTP",
        ))
    }

    /// What the caller is answered.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.0
    }
}

impl IntoResponse for FactRejection {
    fn into_response(self) -> Response {
        let status = ::http::StatusCode::from_u16(self.0.status)
            .unwrap_or(::http::StatusCode::INTERNAL_SERVER_ERROR);
        let content_type = [(::http::header::CONTENT_TYPE, problem::CONTENT_TYPE)];
        (status, content_type, self.0.to_json()).into_response()
    }
}
