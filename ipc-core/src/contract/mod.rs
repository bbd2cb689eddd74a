//! Contracts: what caller and service agree on before a record is written.
//!
//! A [`Contract`] names method, path, mode and types; a [`TypedRequest`] is a
//! contract with values, and becomes an [`EncodedRequest`]. No service is named
//! unless the contract says so, no transport, and none of axum's types: a crate
//! of contracts builds without the C library of the Kafka transport.
//!
//! `#[endpoint]` and `contract!` write the implementations.

mod body;
mod encoded;
mod mode;
mod reply;
mod request;
mod retry;
mod rules;
mod template;
mod terms;
mod typed;
mod values;

pub use body::{
    BytesBody, DecodeReply, EncodeBody, FormBody, JsonBody, NoBody, OptionalBody, ProtobufBody,
    TextBody,
};
pub use encoded::{EncodeError, EncodedRequest};
pub use mode::{IsCall, IsOneWay, IsStream, ModeMarker, SameMode};
pub use reply::{DecodeError, ErrorReply, RawReply};
pub use request::{CallRequest, OneWayRequest, Request, StreamRequest};
pub use retry::{Backoff, RetryPolicy, RetrySpec};
pub use rules::{Guarantee, Idempotency, KeyRule, Mode, StoreDown};
pub(crate) use template::nested;
pub use template::{EmptyValue, Template, TemplateError};
pub use terms::Terms;
pub use typed::TypedRequest;
pub use values::{EncodePath, EncodeQuery, NoPath, NoQuery, PathValues, QueryValues};

/// One endpoint's contract. The types are not bounded here: what a caller does
/// with a contract asks for the bounds, so that a type may derive only the side
/// of serde its program needs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a contract",
    note = "`#[endpoint(..)]` on a handler, or `contract! {{ .. }}`, declares one"
)]
pub trait Contract: 'static {
    /// What is not a type.
    const TERMS: Terms;

    /// How it answers, as a type: [`IsCall`], [`IsOneWay`] or [`IsStream`].
    type Mode: ModeMarker;
    /// What fills the path: [`PathValues`] or [`NoPath`].
    type Path: Send + 'static;
    /// What makes the query: [`QueryValues`] or [`NoQuery`].
    type Query: Send + 'static;
    /// The request's body: one of the body types here.
    type Body: Send + 'static;
    /// The reply's body, or one of a stream's: a body type, or [`RawReply`].
    type Reply;
    /// What the body of an error reply is, in JSON.
    type Error;
}
