//! What a client can send, and how it reads the answer.

use super::{DecodeError, EncodeError, EncodedRequest, RawReply, Terms};

/// Something that can be sent to a service. `#[endpoint]` and `contract!` make
/// such requests; it can be implemented by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a request",
    note = "a request is what `endpoint_name::request(..)` returns, its path and query \
            implementing `serde::Serialize` and its body its codec's trait"
)]
pub trait Request: Send + 'static {
    /// The terms it is sent under.
    const TERMS: Terms;

    /// What the contract says an error body is.
    type Error;

    /// Writes the request.
    ///
    /// # Errors
    ///
    /// Where a value does not serialise or does not fit the path template.
    fn encode(self) -> Result<EncodedRequest, EncodeError>;
}

/// A request with one reply.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a call whose reply can be read",
    note = "a one-way request is sent with `send`, a stream request with `stream`",
    note = "a JSON reply must implement `serde::de::DeserializeOwned`"
)]
pub trait CallRequest: Request {
    /// What the caller gets.
    type Reply: Send + 'static;

    /// Reads a reply whose status says success.
    ///
    /// # Errors
    ///
    /// Where the body is not what the contract says.
    fn decode(reply: RawReply) -> Result<Self::Reply, DecodeError>;
}

/// A request without a reply.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a one-way request",
    note = "a call is made with `call`, a stream request with `stream`"
)]
pub trait OneWayRequest: Request {}

/// A request with many replies.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a stream request whose replies can be read",
    note = "a call is made with `call`, a one-way request is sent with `send`",
    note = "JSON replies must implement `serde::de::DeserializeOwned`"
)]
pub trait StreamRequest: Request {
    /// What the caller gets, many times.
    type Item: Send + 'static;

    /// Reads one reply of the stream.
    ///
    /// # Errors
    ///
    /// Where the body is not what the contract says.
    fn decode_item(reply: RawReply) -> Result<Self::Item, DecodeError>;
}
