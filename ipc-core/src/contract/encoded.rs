//! What a request is once its contract is applied.

use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;

use super::{EmptyValue, TemplateError};
use crate::envelope::Headers;

/// A request that is ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EncodedRequest {
    /// The HTTP method.
    pub method: ByteString,
    /// The path with its query, percent-encoded.
    pub path: ByteString,
    /// HTTP headers, names in lower case, none of them reserved.
    pub headers: Headers,
    /// The record key, as far as the request itself decides it: percent-decoded
    /// bytes of a path value, or a header's value.
    pub key: Option<Bytes>,
    /// Whether an idempotency key, where the caller gives one, becomes the
    /// record key.
    pub idempotency_key_is_key: bool,
    /// The body; empty where there is none.
    pub body: Bytes,
    /// How long the contract says a caller waits.
    pub timeout: Option<Duration>,
    /// The topic, where it is not the service's request topic.
    pub topic: Option<&'static str>,
}

/// Why a request cannot be sent as it is. Nothing has left the process.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The contract's path template cannot be read.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A path parameter has no value.
    #[error("path parameter {0} has no value: give it one under this name")]
    MissingPathValue(String),
    /// A path parameter's value is empty.
    #[error("path parameter {0} is empty: no route matches an empty segment")]
    EmptyPathValue(String),
    /// A path parameter's value is not one text.
    #[error("path parameter {0} is not a string, a number or a boolean")]
    NotScalar(String),
    /// More or fewer values than parameters.
    #[error("the path template has {expected} parameters and was given {found} values")]
    PathValueCount {
        /// Parameters in the template.
        expected: usize,
        /// Values given.
        found: usize,
    },
    /// The path values do not serialise.
    #[error("the path values cannot be written")]
    Path(#[source] BoxError),
    /// The query does not serialise.
    #[error("the query cannot be written: it must be a map of scalars")]
    Query(#[source] BoxError),
    /// The body does not serialise.
    #[error("the body cannot be written")]
    Body(#[source] BoxError),
    /// A header that belongs to the wire protocol.
    #[error("header {0} is reserved: choose a name outside the wire protocol's")]
    ReservedHeader(String),
    /// The header that holds the record key is absent.
    #[error("header {0} is missing: it decides the record key")]
    MissingKeyHeader(&'static str),
    /// The contract takes its key from a parameter its path does not have.
    #[error("the record key is path parameter {0}, which the path template does not have")]
    UnknownKeyParameter(&'static str),
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl EncodeError {
    pub(super) fn path(source: impl Into<BoxError>) -> Self {
        Self::Path(source.into())
    }

    pub(super) fn query(source: impl Into<BoxError>) -> Self {
        Self::Query(source.into())
    }

    pub(super) fn body(source: impl Into<BoxError>) -> Self {
        Self::Body(source.into())
    }
}

impl From<EmptyValue> for EncodeError {
    fn from(empty: EmptyValue) -> Self {
        Self::EmptyPathValue(empty.name)
    }
}
