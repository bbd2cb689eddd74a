//! What a process is told of a request beyond HTTP, in headers named as on the log.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use ipc_core::envelope::{CorrelationId, Deadline};
use ipc_core::extract::{Attempt, Shadow};

/// The correlation id, unless the client named its request itself.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Unix milliseconds after which nobody waits for the answer.
const DEADLINE: HeaderName = HeaderName::from_static("ipc-deadline");
/// From 1 on: how often the work has failed, and one.
const ATTEMPT: HeaderName = HeaderName::from_static("ipc-attempt");
/// `1` where the request is a copy of one that was answered elsewhere.
const SHADOW: HeaderName = HeaderName::from_static("ipc-shadow");

/// Writes what is known of the record behind a request into its headers. None of their
/// names can come from a client: they are reserved on the log.
pub(super) async fn tell(head: &mut Parts) {
    // None of these can fail: what is not known is left out.
    let id = <CorrelationId as OptionalFromRequestParts<()>>::from_request_parts(head, &());
    if let Ok(Some(id)) = id.await
        && !head.headers.contains_key(REQUEST_ID)
        && let Ok(id) = HeaderValue::try_from(id.to_string())
    {
        head.headers.insert(REQUEST_ID, id);
    }
    let deadline = <Deadline as OptionalFromRequestParts<()>>::from_request_parts(head, &());
    if let Ok(Some(deadline)) = deadline.await {
        head.headers.insert(DEADLINE, deadline.at.0.into());
    }
    let attempt = <Attempt as OptionalFromRequestParts<()>>::from_request_parts(head, &());
    if let Ok(Some(Attempt(attempt))) = attempt.await {
        head.headers.insert(ATTEMPT, attempt.into());
    }
    let Ok(Shadow(shadow)) = Shadow::from_request_parts(head, &()).await;
    if shadow {
        head.headers.insert(SHADOW, HeaderValue::from_static("1"));
    }
}
