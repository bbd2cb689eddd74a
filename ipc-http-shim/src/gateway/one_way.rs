//! One-way requests: accepted once the broker has them.

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

use super::answer::Refusal;
use crate::request_id;
use crate::upstream::{Outbound, Upstream};

/// What a client is told of a request that will be worked on later.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
}

/// Answers 202 with the correlation id once the broker has acknowledged.
pub(super) async fn answer(
    upstream: &dyn Upstream,
    outbound: Outbound,
) -> Result<Response<Body>, Refusal> {
    let correlation_id = upstream.send(outbound).await?;
    let accepted = Accepted {
        correlation_id: correlation_id.as_ref().map(ToString::to_string),
    };
    // A single string: serialising cannot fail.
    let body = serde_json::to_vec(&accepted).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::ACCEPTED;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request_id::name(headers, correlation_id.as_ref());
    Ok(response)
}
