//! Calls: one request, one reply.

use axum::body::Body;
use http::Response;

use super::answer::Refusal;
use super::length;
use crate::request_id;
use crate::upstream::{Answer, Outbound, Upstream};

/// Answers with the service's reply, whatever its status.
pub(super) async fn answer(
    upstream: &dyn Upstream,
    outbound: Outbound,
) -> Result<Response<Body>, Refusal> {
    let method = outbound.request.method().clone();
    let Answer {
        mut response,
        correlation_id,
    } = upstream.call(outbound).await?;
    length::correct(&mut response, &method);
    request_id::name(response.headers_mut(), correlation_id.as_ref());
    Ok(response)
}
