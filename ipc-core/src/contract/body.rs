//! Bodies, from typed to bytes and back.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{DecodeError, EncodeError, RawReply};
use crate::envelope::codec::{Codec, Encode, Json};
#[cfg(feature = "protobuf")]
use crate::envelope::codec::{Decode, Protobuf};

/// A body a request can carry.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as a body",
    note = "a JSON or form body must implement `serde::Serialize` to be sent",
    note = "a Protobuf body must implement `prost::Message`, and ipc-core needs its feature \
            `protobuf`"
)]
pub trait EncodeBody {
    /// The media type and the bytes; `None` where there is no body.
    ///
    /// # Errors
    ///
    /// Where the value does not serialise.
    fn encode_body(self) -> Result<Option<(&'static str, Bytes)>, EncodeError>;
}

/// A reply that can be read.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a reply",
    note = "a JSON reply must implement `serde::de::DeserializeOwned` to be read",
    note = "a Protobuf reply must implement `prost::Message` and `Default`, and ipc-core needs \
            its feature `protobuf`"
)]
pub trait DecodeReply {
    /// What a caller gets.
    type Value;

    /// Reads a reply whose status says success.
    ///
    /// # Errors
    ///
    /// Where the body is not what the contract says.
    fn decode_reply(reply: RawReply) -> Result<Self::Value, DecodeError>;
}

/// No body.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NoBody;

/// A JSON body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JsonBody<T>(pub T);

/// A Protobuf body. Sent and read only with the feature `protobuf`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProtobufBody<T>(pub T);

/// A form body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FormBody<T>(pub T);

/// A text body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextBody(pub String);

/// A body of any bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BytesBody(pub Bytes);

/// A body that may be absent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OptionalBody<B>(pub Option<B>);

impl EncodeBody for NoBody {
    fn encode_body(self) -> Result<Option<(&'static str, Bytes)>, EncodeError> {
        Ok(None)
    }
}

impl<T: Serialize> EncodeBody for JsonBody<T> {
    fn encode_body(self) -> Result<Option<(&'static str, Bytes)>, EncodeError> {
        let json = Json::encode(&self.0).map_err(EncodeError::body)?;
        Ok(Some((Json::CONTENT_TYPE, json)))
    }
}

impl<T: Serialize> EncodeBody for FormBody<T> {
    fn encode_body(self) -> Result<Option<(&'static str, Bytes)>, EncodeError> {
        let form = serde_urlencoded::to_string(&self.0).map_err(EncodeError::body)?;
        Ok(Some(("application/x-www-form-urlencoded", form.into())))
    }
}

#[cfg(feature = "protobuf")]
impl<T: prost::Message> EncodeBody for ProtobufBody<T> {
    fn encode_body(self) -> Result<Option<(&'static str, Bytes)>, EncodeError> {
        let protobuf = Protobuf::encode(&self.0).map_err(EncodeError::body)?;
        Ok(Some((Protobuf::CONTENT_TYPE, protobuf)))
    }
}

impl EncodeBody for TextBody {
    fn encode_body(self) -> Result<Option<(&'static str, Bytes)>, EncodeError> {
        Ok(Some(("text/plain; charset=utf-8", self.0.into())))
    }
}

impl EncodeBody for BytesBody {
    fn encode_body(self) -> Result<Option<(&'static str, Bytes)>, EncodeError> {
        Ok(Some(("application/octet-stream", self.0)))
    }
}

impl<B: EncodeBody> EncodeBody for OptionalBody<B> {
    fn encode_body(self) -> Result<Option<(&'static str, Bytes)>, EncodeError> {
        self.0.map_or(Ok(None), B::encode_body)
    }
}

impl<T: DeserializeOwned> DecodeReply for JsonBody<T> {
    type Value = T;

    fn decode_reply(reply: RawReply) -> Result<T, DecodeError> {
        reply.json()
    }
}

#[cfg(feature = "protobuf")]
impl<T: prost::Message + Default> DecodeReply for ProtobufBody<T> {
    type Value = T;

    fn decode_reply(reply: RawReply) -> Result<T, DecodeError> {
        Ok(Protobuf::decode(&reply.body)?)
    }
}

impl DecodeReply for RawReply {
    type Value = Self;

    fn decode_reply(reply: RawReply) -> Result<Self, DecodeError> {
        Ok(reply)
    }
}
