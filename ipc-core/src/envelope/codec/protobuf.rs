//! Protobuf bodies.

use std::any::type_name;

use bytes::Bytes;
use prost::Message;

use super::{Codec, CodecError, Decode, Encode, essence};

/// Protocol Buffers, through prost.
#[derive(Clone, Copy, Debug)]
pub struct Protobuf;

impl Codec for Protobuf {
    const NAME: &'static str = "Protobuf";
    const CONTENT_TYPE: &'static str = "application/protobuf";

    /// `application/protobuf` and its older names.
    fn reads(content_type: &str) -> bool {
        const NAMES: [&str; 3] = [
            Protobuf::CONTENT_TYPE,
            "application/x-protobuf",
            "application/vnd.google.protobuf",
        ];
        let essence = essence(content_type);
        NAMES.iter().any(|name| essence.eq_ignore_ascii_case(name))
    }
}

impl<T: Message> Encode<T> for Protobuf {
    fn encode(value: &T) -> Result<Bytes, CodecError> {
        Ok(value.encode_to_vec().into())
    }
}

/// An empty body is a message with every field at its default.
impl<T: Message + Default> Decode<T> for Protobuf {
    fn decode(body: &[u8]) -> Result<T, CodecError> {
        T::decode(body).map_err(|error| CodecError::Malformed {
            format: Self::NAME,
            reason: format!("{} ({error})", type_name::<T>()),
        })
    }
}
