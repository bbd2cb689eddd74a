//! What the response of a one-way endpoint means for its record.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use ::http::header::{self, HeaderMap};
use ::http::{StatusCode, response};

use super::routed::Routed;
use crate::dispatch::{Failure, Outcome, Reason, Repeat};
use crate::response::FailureHint;

/// The outcome of a one-way record whose handler answered with these parts.
pub(super) fn outcome(parts: &response::Parts, now: SystemTime) -> Outcome {
    let status = parts.status;
    if status.as_u16() < 400 {
        return Outcome::Done;
    }
    let hint: FailureHint = parts.extensions.get().copied().unwrap_or_default();
    if hint.terminal {
        return failed(status, reason(status), false);
    }
    if let Some(after) = hint
        .retry_after
        .or_else(|| retry_after(&parts.headers, now))
    {
        return Outcome::NotNow { after: Some(after) };
    }
    let unmatched = parts.extensions.get() == Some(&Routed::Unmatched);
    match status {
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_EARLY
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::SERVICE_UNAVAILABLE => Outcome::NotNow { after: None },
        StatusCode::NOT_FOUND if unmatched => failed(status, Reason::UnknownEndpoint, true),
        // A path that is served and a method that is not make an endpoint that
        // is not known either: in a rolling deploy another instance may know it.
        StatusCode::METHOD_NOT_ALLOWED => failed(status, Reason::UnknownEndpoint, true),
        _ => failed(status, reason(status), !status.is_client_error()),
    }
}

/// What the response to a call says about repeating the call.
pub(super) fn repeat(parts: &response::Parts, now: fn() -> SystemTime) -> Repeat {
    if !parts.status.is_server_error() {
        return Repeat::Unsaid;
    }
    let hint: FailureHint = parts.extensions.get().copied().unwrap_or_default();
    if hint.terminal {
        return Repeat::Never;
    }
    let after = hint
        .retry_after
        .or_else(|| retry_after(&parts.headers, now()));
    after.map_or(Repeat::Unsaid, Repeat::After)
}

fn reason(status: StatusCode) -> Reason {
    if status.is_client_error() {
        Reason::ClientError
    } else {
        Reason::ServerError
    }
}

fn failed(status: StatusCode, reason: Reason, retryable: bool) -> Outcome {
    Outcome::Failed(Failure {
        reason,
        retryable,
        message: Cow::Owned(format!("the handler answered {status}")),
    })
}

/// How long a `retry-after` header asks to wait: seconds, or until an HTTP date.
/// One that cannot be read counts as absent.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    Some(at.duration_since(now).unwrap_or_default())
}
