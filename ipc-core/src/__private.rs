//! Everything generated code names. Not public API: it changes with the macros.

pub use std::clone::Clone;
pub use std::marker::{Send, Sync};
pub use std::option::Option;
pub use std::string::String;
pub use std::time::Duration;

pub use axum::extract::{FromRequest, FromRequestParts};
pub use axum::routing::{MethodFilter, MethodRouter, on};
pub use bytes::Bytes;

pub use crate::contract::{
    BytesBody, Contract, FormBody, Guarantee, Idempotency, IsCall, IsOneWay, IsStream, JsonBody,
    KeyRule, Mode, NoBody, NoPath, NoQuery, OptionalBody, PathValues, ProtobufBody, QueryValues,
    RawReply, RetryPolicy, RetrySpec, StoreDown, Terms, TextBody, TypedRequest,
};
pub use crate::envelope::Problem;
pub use crate::routing::Endpoint;

/// A handler's future, checked where the handler stands: must be sendable, and
/// end in a response.
pub fn assert_handler<F>(_: F)
where
    F: Future<Output: axum::response::IntoResponse> + Send,
{
}

/// A handler's type, and the same one in its contract.
#[diagnostic::on_unimplemented(
    message = "the handler has `{Self}` where its contract has `{T}`",
    label = "not what the contract says"
)]
pub trait AgreesWith<T: ?Sized> {}

impl<T: ?Sized> AgreesWith<T> for T {}

/// Compiles where both types are one.
pub const fn agree<Ours: AgreesWith<Theirs> + ?Sized, Theirs: ?Sized>() {}
