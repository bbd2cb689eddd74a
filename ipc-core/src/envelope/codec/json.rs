//! JSON bodies.

use std::any::type_name;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::{Codec, CodecError, Decode, Encode, essence};

/// JSON, through serde.
#[derive(Clone, Copy, Debug)]
pub struct Json;

impl Codec for Json {
    const NAME: &'static str = "JSON";
    const CONTENT_TYPE: &'static str = "application/json";

    /// `application/json` and every `application/*+json`.
    fn reads(content_type: &str) -> bool {
        let essence = essence(content_type).to_ascii_lowercase();
        essence
            .strip_prefix("application/")
            .is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
    }
}

impl Json {
    /// A value's bytes, for those who have more to write.
    pub(crate) fn write<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError> {
        serde_json::to_vec(value).map_err(|error| CodecError::Unwritable {
            type_name: type_name::<T>(),
            format: Self::NAME,
            reason: error.to_string(),
        })
    }
}

impl<T: Serialize + ?Sized> Encode<T> for Json {
    fn encode(value: &T) -> Result<Bytes, CodecError> {
        Self::write(value).map(Bytes::from)
    }
}

/// An empty body reads as `null`: a reply without a body is a `()`.
impl<T: DeserializeOwned> Decode<T> for Json {
    fn decode(body: &[u8]) -> Result<T, CodecError> {
        let body = if body.is_empty() { b"null" } else { body };
        serde_json::from_slice(body).map_err(|error| explain::<T>(&error))
    }
}

/// serde's own text quotes what it found, which a log must not hold.
fn explain<T>(error: &serde_json::Error) -> CodecError {
    let (line, column) = (error.line(), error.column());
    let place = format!("line {line}, column {column}");
    match error.classify() {
        Category::Data => CodecError::Mismatched {
            type_name: type_name::<T>(),
            reason: place,
        },
        Category::Eof => CodecError::Malformed {
            format: Json::NAME,
            reason: format!("it ends too early, at {place}"),
        },
        Category::Syntax | Category::Io => CodecError::Malformed {
            format: Json::NAME,
            reason: format!("at {place}"),
        },
    }
}
