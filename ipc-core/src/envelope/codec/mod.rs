//! Typed bodies: how a value becomes bytes and back.

mod json;
#[cfg(feature = "protobuf")]
mod protobuf;

use bytes::Bytes;

pub use json::Json;
#[cfg(feature = "protobuf")]
pub use protobuf::Protobuf;

/// A body format. What it can write and read are [`Encode`] and [`Decode`], apart
/// from each other: many types are only ever one of them.
pub trait Codec {
    /// The format's name in error texts.
    const NAME: &'static str;
    /// The media type of what it writes.
    const CONTENT_TYPE: &'static str;

    /// Whether it can read bodies of this `content-type`, parameters and all.
    #[must_use]
    fn reads(content_type: &str) -> bool;
}

/// A format that can write `T`.
pub trait Encode<T: ?Sized>: Codec {
    /// The body for `value`.
    ///
    /// # Errors
    ///
    /// When the format has no form for the value.
    fn encode(value: &T) -> Result<Bytes, CodecError>;
}

/// A format that can read `T`.
pub trait Decode<T>: Codec {
    /// The value a body holds.
    ///
    /// # Errors
    ///
    /// When the body is not of the format, or not of `T`'s shape.
    fn decode(body: &[u8]) -> Result<T, CodecError>;
}

/// A body could not be written or read.
///
/// The text holds nothing of the body itself: it may be answered to a peer and
/// logged.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The value has no form in this format.
    #[error("a {type_name} cannot be written as {format}: {reason}")]
    Unwritable {
        /// The value's type.
        type_name: &'static str,
        /// The format.
        format: &'static str,
        /// Why.
        reason: String,
    },
    /// The body is not of this format.
    #[error("the body is not {format}: {reason}")]
    Malformed {
        /// The format.
        format: &'static str,
        /// Where it breaks off or goes wrong.
        reason: String,
    },
    /// The body is of this format, and not of the type's shape.
    #[error("the body does not have the shape of {type_name}: {reason}")]
    Mismatched {
        /// The type.
        type_name: &'static str,
        /// Where.
        reason: String,
    },
}

impl CodecError {
    /// Whether the body is well formed, and only its shape is wrong.
    #[must_use]
    pub fn is_mismatch(&self) -> bool {
        matches!(self, Self::Mismatched { .. })
    }
}

/// The media type without its parameters.
fn essence(content_type: &str) -> &str {
    content_type
        .split_once(';')
        .map_or(content_type, |(essence, _)| essence)
        .trim()
}
