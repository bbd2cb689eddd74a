//! Answers the gateway makes itself.

use std::time::Duration;

use axum::body::Body;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use ipc_core::envelope::{CorrelationId, Problem, problem};

use crate::upstream::Failure;

/// Carries the correlation id of a request that crossed Kafka, unless the
/// application set it itself.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request the gateway answers instead of passing it on.
#[derive(Debug)]
pub(crate) struct Refusal(Box<Told>);

#[derive(Debug)]
struct Told {
    problem: Problem,
    headers: HeaderMap,
}

impl Refusal {
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    fn retry_after(self, wait: Duration) -> Self {
        // Whole seconds, never fewer than the wait.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.with_header(RETRY_AFTER, seconds.max(1).into())
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(Box::new(Told {
            problem,
            headers: HeaderMap::new(),
        }))
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let (problem, wait) = failure.into_problem();
        let refusal = Self::from(problem);
        match wait {
            Some(wait) => refusal.retry_after(wait),
            None => refusal,
        }
    }
}

impl From<Refusal> for Response<Body> {
    fn from(refusal: Refusal) -> Self {
        let Told { problem, headers } = *refusal.0;
        if let Some(private) = problem.private() {
            tracing::warn!(
                problem = problem.name(),
                status = problem.status,
                "{private}"
            );
        }
        let mut response = Self::new(Body::from(problem.to_json()));
        *response.status_mut() =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        *response.headers_mut() = headers;
        response.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static(problem::CONTENT_TYPE),
        );
        if let Some(id) = &problem.correlation_id {
            set_request_id(response.headers_mut(), id);
        }
        response
    }
}

/// Names the request in the answer's headers, unless the application has.
pub(crate) fn name_request(headers: &mut HeaderMap, id: Option<&CorrelationId>) {
    if let Some(id) = id
        && !headers.contains_key(REQUEST_ID)
    {
        set_request_id(headers, &id.to_string());
    }
}

fn set_request_id(headers: &mut HeaderMap, id: &str) {
    // Ids are shown in visible ASCII only, which any header value can hold.
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, value);
    }
}
