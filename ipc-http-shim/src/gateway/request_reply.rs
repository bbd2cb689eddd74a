//! Calls: one request, one reply.

use axum::body::Body;
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body::Body as _;

use super::answer::{Refusal, name_request};
use crate::upstream::{Answer, Outbound, Upstream};

/// Answers with the service's reply, whatever its status.
pub(super) async fn answer(
    upstream: &dyn Upstream,
    outbound: Outbound,
) -> Result<Response<Body>, Refusal> {
    let to_head = outbound.request.method() == Method::HEAD;
    let Answer {
        mut response,
        correlation_id,
    } = upstream.call(outbound).await?;
    // These speak of a body that is not there.
    if !to_head && response.status() != StatusCode::NOT_MODIFIED {
        drop_false_length(&mut response);
    }
    name_request(response.headers_mut(), correlation_id.as_ref());
    Ok(response)
}

/// Removes a `content-length` that the body belies: a client would wait for
/// bytes that never come.
pub(super) fn drop_false_length(response: &mut Response<Body>) {
    let Some(length) = response.body().size_hint().exact() else {
        return;
    };
    let says_so = |value: &HeaderValue| {
        value.to_str().ok().and_then(|text| text.parse().ok()) == Some(length)
    };
    let headers = response.headers_mut();
    if !headers.get_all(CONTENT_LENGTH).iter().all(says_so) {
        headers.remove(CONTENT_LENGTH);
    }
}
