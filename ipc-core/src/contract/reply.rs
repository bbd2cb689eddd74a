//! Replies as they arrive, before and after their contract is applied.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::envelope::codec::{CodecError, Decode, Json};
use crate::envelope::{Headers, Problem, problem};

/// A reply nobody has read yet.
#[derive(Clone, PartialEq, Eq)]
pub struct RawReply {
    /// HTTP status.
    pub status: u16,
    /// HTTP headers, names in lower case.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
}

impl RawReply {
    /// The body read as JSON.
    ///
    /// # Errors
    ///
    /// Where it is not JSON of this form.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        Ok(Json::decode(&self.body)?)
    }

    /// The problem document in the body, where its media type says it is one.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        let media_type = self.headers.get_str("content-type")?;
        let essence = media_type.split(';').next()?.trim();
        essence
            .eq_ignore_ascii_case(problem::CONTENT_TYPE)
            .then(|| self.json().ok())?
    }
}

/// Shows how much body there is: what it says may be secret.
impl fmt::Debug for RawReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawReply")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish()
    }
}

/// A reply with an error status, with the type its contract gives such a body.
///
/// The body may still be something else: the framework's own errors are problem
/// documents, and an extractor's rejection is whatever the handler's framework
/// makes of it. So the type is asked for, and only then must it be readable.
pub struct ErrorReply<E> {
    /// The reply.
    pub reply: RawReply,
    error: PhantomData<fn() -> E>,
}

impl<E> ErrorReply<E> {
    /// Gives a reply its contract's error type.
    #[must_use]
    pub fn new(reply: RawReply) -> Self {
        Self {
            reply,
            error: PhantomData,
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.reply.status
    }

    /// The body as the contract's error type.
    ///
    /// # Errors
    ///
    /// Where the body is not JSON of this type.
    pub fn typed(&self) -> Result<E, DecodeError>
    where
        E: DeserializeOwned,
    {
        self.reply.json()
    }

    /// The body as a problem document, where it is one.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        self.reply.problem()
    }
}

impl<E> Clone for ErrorReply<E> {
    fn clone(&self) -> Self {
        Self::new(self.reply.clone())
    }
}

impl<E> fmt::Debug for ErrorReply<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ErrorReply").field(&self.reply).finish()
    }
}

impl<E> fmt::Display for ErrorReply<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problem() {
            Some(problem) => problem.fmt(f),
            None => write!(f, "the service answered {}", self.reply.status),
        }
    }
}

impl<E> std::error::Error for ErrorReply<E> {}

/// A reply's body is not what its contract says.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the reply is not of its contract's type: {0}")]
pub struct DecodeError(#[from] CodecError);

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(media_type: &'static str, body: &'static str) -> RawReply {
        let mut headers = Headers::new();
        headers.push_static("content-type", media_type);
        RawReply {
            status: 409,
            headers,
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    #[test]
    fn an_error_body_is_typed_on_demand() {
        let error: ErrorReply<Vec<u8>> = ErrorReply::new(reply("application/json", "[1,2]"));
        assert_eq!(error.typed().unwrap(), [1, 2]);
        assert_eq!(error.problem(), None);
        assert_eq!(error.to_string(), "the service answered 409");
    }

    #[test]
    fn a_problem_is_recognised_by_its_media_type() {
        let document = Problem::new("gone-away", "gone away", 409).to_json();
        let mut raw = reply("Application/Problem+JSON; charset=utf-8", "");
        raw.body = document.clone();
        let error: ErrorReply<u8> = ErrorReply::new(raw);
        assert_eq!(error.problem().unwrap().name(), "gone-away");
        assert!(error.typed().is_err());

        let mut plain = reply("application/json", "");
        plain.body = document;
        assert_eq!(plain.problem(), None);
    }

    #[test]
    fn debug_output_keeps_the_body_to_itself() {
        let shown = format!("{:?}", reply("application/json", "\"secret\""));
        assert!(!shown.contains("secret"), "{shown}");
    }
}
