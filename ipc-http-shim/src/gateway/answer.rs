//! Answers the gateway makes itself.

use std::time::Duration;

use axum::body::Body;
use http::header::{CONTENT_TYPE, LINK, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use ipc_breaker::Outcome;
use ipc_core::envelope::{CorrelationId, Problem, problem};

use crate::request_id;
use crate::upstream::Failure;

/// A request the gateway answers instead of passing it on.
#[derive(Debug)]
pub(crate) struct Refusal(Box<Told>);

#[derive(Debug)]
struct Told {
    problem: Problem,
    headers: HeaderMap,
    /// How a request to a service failed, where one did.
    failed: Option<Failed>,
}

/// How a request to a service failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Failed {
    /// It is known not to have been sent.
    Unsent,
    /// The same, since nobody is there to take it.
    Absent,
    /// There was no answer in time: the service may have executed it.
    Silent,
    /// There was an answer that cannot be read.
    Unreadable,
}

impl Refusal {
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// As [`with_header`](Self::with_header), beside those of the same name.
    pub(crate) fn and_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.append(name, value);
        self
    }

    /// The status it is told with.
    pub(super) fn status(&self) -> u16 {
        self.0.problem.status
    }

    /// Whether a service was asked, or could not be, and did not answer.
    pub(crate) fn is_of_the_service(&self) -> bool {
        self.0.failed.is_some()
    }

    /// Whether a service may have executed the request all the same.
    pub(crate) fn may_be_executed(&self) -> bool {
        matches!(self.0.failed, Some(Failed::Silent | Failed::Unreadable))
    }

    /// What it says of who was asked; nothing where nobody was.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        match (self.0.failed, self.0.problem.status) {
            (Some(Failed::Unsent), _) => None,
            (Some(Failed::Absent), _) => Some(Outcome::NoResponder),
            (Some(Failed::Silent), _) | (None, 504) => Some(Outcome::Timeout),
            (Some(Failed::Unreadable), _) | (None, 500..) => Some(Outcome::Failure),
            (None, _) => None,
        }
    }

    /// A request that was not sent to where it was to go, which may go better in `wait`.
    pub(crate) fn unsent(problem: Problem, wait: Duration) -> Self {
        let mut refusal = Self::from(problem);
        refusal.0.failed = Some(Failed::Unsent);
        refusal.retry_after(wait)
    }

    /// A request that was not answered in time, and may be yet: then at `path`.
    pub(super) fn late(id: &CorrelationId, path: &str) -> Self {
        let correlation_id = id.clone();
        let mut refusal = Self::from(Failure::Unknown { correlation_id });
        let detail = format!("the request may still be processed: ask for its answer at {path}");
        refusal.0.problem = refusal.0.problem.clone().with_detail(detail);
        match HeaderValue::from_str(&format!("<{path}>; rel=\"status\"")) {
            Ok(link) => refusal.and_header(LINK, link),
            Err(_) => refusal,
        }
    }

    /// Writes what is not for the client into our own log.
    pub(crate) fn log(&self) {
        let problem = &self.0.problem;
        if let Some(private) = problem.private() {
            tracing::warn!(
                problem = problem.name(),
                status = problem.status,
                "{private}"
            );
        }
    }

    /// Says when another attempt may go better.
    pub(crate) fn retry_after(self, wait: Duration) -> Self {
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
            failed: None,
        }))
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let failed = failed(&failure);
        let (problem, wait) = failure.into_problem();
        let mut refusal = Self::from(problem);
        refusal.0.failed = failed;
        match wait {
            Some(wait) => refusal.retry_after(wait),
            None => refusal,
        }
    }
}

fn failed(failure: &Failure) -> Option<Failed> {
    match failure {
        Failure::Rejected { .. } => Some(Failed::Unsent),
        Failure::Absent { .. } => Some(Failed::Absent),
        Failure::Unknown { .. } => Some(Failed::Silent),
        Failure::Undecodable { .. } => Some(Failed::Unreadable),
        // The request's own fault, unless it says otherwise.
        Failure::Refused(problem) => (problem.status >= 500).then_some(Failed::Unsent),
    }
}

impl From<Refusal> for Response<Body> {
    fn from(refusal: Refusal) -> Self {
        refusal.log();
        let Told {
            problem, headers, ..
        } = *refusal.0;
        let mut response = Self::new(Body::from(problem.to_json()));
        *response.status_mut() =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        *response.headers_mut() = headers;
        response.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static(problem::CONTENT_TYPE),
        );
        // A problem names what a client has sent.
        response
            .headers_mut()
            .insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        request_id::name(response.headers_mut(), problem.correlation_id.as_deref());
        response
    }
}
