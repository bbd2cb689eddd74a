//! The caller's operation id.

use std::convert::Infallible;

use ::http::HeaderMap;
use ::http::request::Parts;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use bytestring::ByteString;

use super::FactRejection;
use crate::envelope::names;

/// What the caller calls its operation, the same on every repetition. It is an
/// HTTP header of its own right, so it is found over plain HTTP too.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct IdempotencyKey(pub ByteString);

impl IdempotencyKey {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let last = headers.get_all(names::IDEMPOTENCY_KEY).iter().next_back()?;
        std::str::from_utf8(last.as_bytes())
            .ok()
            .map(|key| Self(key.into()))
    }
}

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = FactRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, FactRejection> {
        Self::of(&parts.headers).ok_or_else(|| {
            FactRejection::missing(
                "the request has no idempotency key: send header idempotency-key as UTF-8",
            )
        })
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for IdempotencyKey {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}
