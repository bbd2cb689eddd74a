//! Whether a request is a copy.

use std::convert::Infallible;

use ::http::request::Parts;
use axum::extract::FromRequestParts;

use super::facts;

/// Whether the request is a shadow: a copy of one that was answered elsewhere, sent to
/// compare the answers. A handler that changes what the original has changed already
/// leaves that out, or does it where nobody sees it.
///
/// What the handler itself asks others through a [`Client`](crate::client::Client), or
/// writes to an outbox, is marked as well. Never a shadow over plain HTTP.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Shadow(pub bool);

impl<S: Sync> FromRequestParts<S> for Shadow {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(
            facts::delivery(parts).is_ok_and(|delivery| delivery.head.shadow),
        ))
    }
}
