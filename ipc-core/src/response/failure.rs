//! Overrides of what an error status means for a one-way record.

use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// What a handler says about its own failure, found in the extensions of its
/// response. It overrides what the status alone would mean for a one-way
/// record. For a call the response is the reply, whatever it says, unless its
/// endpoint has retries and this permits another.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FailureHint {
    /// No repetition helps: dead-letter at once, even for a 5xx or a 429.
    pub terminal: bool,
    /// *Not now*: let the record wait this long at least; no attempt is counted.
    /// Ignored where `terminal` is set.
    pub retry_after: Option<Duration>,
}

impl FailureHint {
    /// The hint a response carries, if it carries one.
    #[must_use]
    pub fn of<B>(response: &axum::http::Response<B>) -> Option<Self> {
        response.extensions().get().copied()
    }
}

/// Says what a failure means for the record it came from.
///
/// ```
/// use axum::http::StatusCode;
/// use axum::response::{IntoResponse, Response};
/// use ipc_core::response::FailureExt;
/// use std::time::Duration;
///
/// enum AuditError {
///     /// The ledger is being compacted.
///     Busy,
///     /// The event contradicts the ledger.
///     Corrupt,
/// }
///
/// impl IntoResponse for AuditError {
///     fn into_response(self) -> Response {
///         match self {
///             Self::Busy => StatusCode::SERVICE_UNAVAILABLE
///                 .retry_after(Duration::from_secs(2))
///                 .into_response(),
///             Self::Corrupt => StatusCode::INTERNAL_SERVER_ERROR.terminal().into_response(),
///         }
///     }
/// }
/// ```
pub trait FailureExt: IntoResponse + Sized {
    /// No repetition helps: a one-way record is dead-lettered at once.
    fn terminal(self) -> Failed<Self> {
        Failed::new(self).terminal()
    }

    /// *Not now*: a one-way record waits at least `after` and no attempt is
    /// counted. An HTTP caller reads the same in `Retry-After`, in whole seconds.
    fn retry_after(self, after: Duration) -> Failed<Self> {
        Failed::new(self).retry_after(after)
    }
}

impl<R: IntoResponse> FailureExt for R {}

/// A response with a [`FailureHint`]; made by [`FailureExt`].
#[derive(Clone, Copy, Debug)]
#[must_use = "a hint takes effect only where the response is returned"]
pub struct Failed<R> {
    response: R,
    hint: FailureHint,
}

impl<R> Failed<R> {
    fn new(response: R) -> Self {
        Self {
            response,
            hint: FailureHint::default(),
        }
    }

    /// See [`FailureExt::terminal`].
    pub fn terminal(mut self) -> Self {
        self.hint.terminal = true;
        self
    }

    /// See [`FailureExt::retry_after`].
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.hint.retry_after = Some(after);
        self
    }
}

impl<R: IntoResponse> IntoResponse for Failed<R> {
    fn into_response(self) -> Response {
        let mut response = self.response.into_response();
        if let Some(after) = self.hint.retry_after {
            let whole = after
                .as_secs()
                .saturating_add(u64::from(after.subsec_nanos() > 0));
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(whole));
        }
        response.extensions_mut().insert(self.hint);
        response
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[test]
    fn a_plain_response_carries_no_hint() {
        let response = StatusCode::SERVICE_UNAVAILABLE.into_response();
        assert_eq!(FailureHint::of(&response), None);
    }

    #[test]
    fn terminal_keeps_the_response_and_adds_the_hint() {
        let response = (StatusCode::BAD_GATEWAY, "no").terminal().into_response();
        assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
        assert_eq!(
            FailureHint::of(&response),
            Some(FailureHint {
                terminal: true,
                retry_after: None
            })
        );
    }

    #[test]
    fn retry_after_is_exact_in_the_hint_and_rounded_up_in_the_header() {
        let after = Duration::from_millis(1200);
        let response = StatusCode::TOO_MANY_REQUESTS
            .retry_after(after)
            .into_response();
        assert_eq!(
            FailureHint::of(&response).and_then(|hint| hint.retry_after),
            Some(after)
        );
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
    }
}
