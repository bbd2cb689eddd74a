//! What a process is told of a request beyond HTTP, in headers named as on the log.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use ipc_core::envelope::{CorrelationId, Deadline};
use ipc_core::extract::{Attempt, Shadow};

use crate::request_id;

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
    let Ok(id) = id.await;
    request_id::name(&mut head.headers, id.as_ref());
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
