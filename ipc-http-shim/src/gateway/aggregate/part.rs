//! The answer of one part.

use std::borrow::Cow;

use axum::body::Body;
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use ipc_core::envelope::{Problem, problem};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::gateway::answer::Refusal;
use crate::gateway::stream::essence;

/// Why there is no document of a part.
#[derive(Debug)]
pub(super) enum Missing {
    /// Its answer says so.
    Failed(Box<Response<Bytes>>),
    /// There is no answer that could be told.
    Untold(Problem),
}

/// The same, as a client is told of it: a problem document in either case.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Reason {
    Theirs(Box<RawValue>),
    Ours(Problem),
}

/// The document that an answer has, whose body may have this many bytes.
pub(super) async fn document(
    answer: Response<Body>,
    most: usize,
) -> Result<Box<RawValue>, Missing> {
    let (head, body) = answer.into_parts();
    let Ok(body) = Limited::new(body, most).collect().await else {
        return Err(unreadable(format!(
            "its body broke off, or has more than {most} bytes"
        )));
    };
    let body = body.to_bytes();
    let status = head.status;
    if status.is_client_error() || status.is_server_error() {
        let answer = Response::from_parts(head, body);
        return Err(Missing::Failed(Box::new(answer)));
    }
    if !status.is_success() {
        return Err(unreadable(format!("its status is {}", status.as_u16())));
    }
    if body.is_empty() {
        return Ok(RawValue::NULL.to_owned());
    }
    // What was not valid is not told: it is the service's own.
    serde_json::from_slice(&body).map_err(|_| unreadable("its body is no JSON".to_owned()))
}

fn unreadable(detail: String) -> Missing {
    let problem = Problem::new(
        "part-unreadable",
        "the answer of a part is no document",
        502,
    );
    Missing::Untold(problem.with_detail(detail))
}

impl Missing {
    /// For a part that nobody waits for any more.
    pub(super) fn late() -> Self {
        Self::Untold(Problem::new(
            "part-late",
            "a part was not answered in time",
            504,
        ))
    }

    /// As the answer to the whole.
    pub(super) fn into_answer(self) -> Result<Response<Body>, Refusal> {
        match self {
            Self::Failed(answer) => Ok(answer.map(Body::from)),
            Self::Untold(problem) => Err(problem.into()),
        }
    }

    /// As it is told beside the other parts.
    pub(super) fn into_reason(self) -> Reason {
        match self {
            Self::Failed(answer) => theirs(&answer),
            Self::Untold(problem) => Reason::Ours(problem),
        }
    }
}

/// The problem document that an answer is, or one that has no more than its status (RFC
/// 9457, 4.2.1).
fn theirs(answer: &Response<Bytes>) -> Reason {
    let is_problem = essence(answer.headers())
        .is_some_and(|essence| essence.eq_ignore_ascii_case(problem::CONTENT_TYPE));
    if is_problem && let Ok(told) = serde_json::from_slice(answer.body()) {
        return Reason::Theirs(told);
    }
    let status: StatusCode = answer.status();
    let mut blank = Problem::new("blank", "an error", status.as_u16());
    blank.kind = Cow::Borrowed("about:blank");
    blank.title = Cow::Borrowed(status.canonical_reason().unwrap_or("an error"));
    Reason::Ours(blank)
}
