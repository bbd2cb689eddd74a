//! Errors as RFC 9457 problem documents, with what we log kept apart from what
//! the peer may read.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The media type of a problem document.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// An error a program can switch on.
///
/// The serialised form is public. [`private`](Problem::private) is for our own
/// logs and never leaves the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable identifier: `urn:ipc:problem:<name>`.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// A short text, the same for every occurrence.
    pub title: Cow<'static, str>,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time, fit for the peer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The request this is about.
    #[serde(
        default,
        rename = "correlationId",
        skip_serializing_if = "Option::is_none"
    )]
    pub correlation_id: Option<String>,
    #[serde(skip)]
    // a boxed str keeps a `Result<_, Problem>` within what clippy calls large
    private: Option<Box<str>>,
}

impl Problem {
    /// A problem of `kind`, which completes `urn:ipc:problem:`.
    #[must_use]
    pub fn new(kind: &'static str, title: &'static str, status: u16) -> Self {
        Self {
            kind: Cow::Owned(format!("urn:ipc:problem:{kind}")),
            title: Cow::Borrowed(title),
            status,
            detail: None,
            correlation_id: None,
            private: None,
        }
    }

    /// Adds what happened this time, for the peer to read.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds what only our own logs may say.
    #[must_use]
    pub fn with_private(mut self, private: impl Into<String>) -> Self {
        self.private = Some(private.into().into_boxed_str());
        self
    }

    /// Names the request this is about.
    #[must_use]
    pub fn with_correlation_id(mut self, id: &super::CorrelationId) -> Self {
        self.correlation_id = Some(id.to_string());
        self
    }

    /// The text for our own logs, where it differs from the public one.
    #[must_use]
    pub fn private(&self) -> Option<&str> {
        self.private.as_deref()
    }

    /// The name behind `urn:ipc:problem:`, or the whole type where it is foreign.
    #[must_use]
    pub fn name(&self) -> &str {
        self.kind
            .strip_prefix("urn:ipc:problem:")
            .unwrap_or(&self.kind)
    }

    /// The document's bytes.
    #[must_use]
    pub fn to_json(&self) -> bytes::Bytes {
        // Strings and integers only: serialising cannot fail.
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.title, self.status)?;
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}
