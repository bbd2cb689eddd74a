//! The caller's side: an HTTP request as a record, a reply as an HTTP response.

use ::http::header::{self, HeaderValue};
use ::http::{StatusCode, request, response};
use bytes::Bytes;
use bytestring::ByteString;

use super::headers;
use super::request::refuse_uncrossable;
use crate::envelope::{HandlerTime, Headers, Problem, QueueTime, RequestHead, names};

/// What is done with headers of a request whose names are reserved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reserved {
    /// The request is refused: its sender is a program that can be mended.
    Refuse,
    /// They are left out: a gateway does this to headers from outside.
    Strip,
}

/// Refuses what cannot cross a log: CONNECT, and an upgrade to anything but
/// another HTTP.
///
/// # Errors
///
/// A problem with status 501, which says what the request asks for.
pub fn check_crossable(parts: &request::Parts) -> Result<(), Problem> {
    let upgrades = parts.headers.get_all(header::UPGRADE);
    refuse_uncrossable(&parts.method, upgrades.iter().map(HeaderValue::as_bytes))
}

/// What a record says of a request: its head, with method, path and query byte
/// for byte and the idempotency key, and its headers, with `:authority` where
/// the URI names one. The caller completes the head (correlation id, reply
/// topic, deadline) and [writes](RequestHead::write) it to the headers.
///
/// # Errors
///
/// A problem, where the request asks for what cannot cross a log (CONNECT,
/// another protocol), or has headers with reserved names and `reserved` refuses
/// them.
pub fn request_record(
    parts: &request::Parts,
    reserved: Reserved,
) -> Result<(RequestHead, Headers), Problem> {
    check_crossable(parts)?;
    if reserved == Reserved::Refuse {
        refuse_reserved(parts)?;
    }
    let mut record = Headers::with_capacity(parts.headers.len() + 8);
    if let Some(authority) = parts.uri.authority() {
        // Never `user:password@`, which is for the client alone (RFC 9113, 8.3.1).
        let host = authority.as_str().rsplit('@').next().unwrap_or_default();
        record.push_static(names::AUTHORITY, Bytes::copy_from_slice(host.as_bytes()));
    }
    headers::to_record(&parts.headers, &mut record);
    let head = RequestHead {
        method: Some(parts.method.as_str().into()),
        path: Some(target(parts)),
        idempotency_key: idempotency_key(&record),
        attempt: 1,
        ..RequestHead::default()
    };
    Ok((head, record))
}

/// The idempotency key, where it stands once and is text: the head writes one
/// text in the place of all there are.
fn idempotency_key(record: &Headers) -> Option<ByteString> {
    let mut keys = record.get_all(names::IDEMPOTENCY_KEY);
    let only = keys.next()??.clone();
    match keys.next() {
        Some(_) => None,
        None => ByteString::try_from(only).ok(),
    }
}

/// Status and headers of the response a reply makes. The body is the reply's
/// payload, or what its chunks or stream bring.
///
/// # Errors
///
/// A problem with status 502, where the reply has a status no final response
/// has, or more headers than an HTTP message can hold.
pub fn response_parts(status: u16, record: &Headers) -> Result<response::Parts, Problem> {
    let status = StatusCode::from_u16(status)
        .ok()
        .filter(|status| !status.is_informational())
        .ok_or_else(|| malformed(format!("header :status is {}", status)))?;
    let mut headers = headers::from_record(record).map_err(|error| malformed(error.to_string()))?;
    // The one header of ours that an HTTP client may care for.
    if record.contains(names::REPLAYED) {
        headers.insert(names::REPLAYED, HeaderValue::from_static("1"));
    }
    let (mut parts, ()) = ::http::Response::new(()).into_parts();
    parts.status = status;
    parts.headers = headers;
    if let Some(queued) = record.get(names::QUEUED).and_then(QueueTime::read) {
        parts.extensions.insert(queued);
    }
    if let Some(handled) = record.get(names::HANDLED).and_then(HandlerTime::read) {
        parts.extensions.insert(handled);
    }
    Ok(parts)
}

fn refuse_reserved(parts: &request::Parts) -> Result<(), Problem> {
    let offending = headers::check_request(&parts.headers);
    if offending.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = offending.iter().map(|name| name.as_str()).collect();
    Err(Problem::new(
        "reserved-header",
        "the request has headers whose names are reserved",
        400,
    )
    .with_detail(format!("leave out or rename {}", names.join(", "))))
}

/// The path with its query. `http://orders?a` has an empty path, which is `/`.
fn target(parts: &request::Parts) -> ByteString {
    let target = parts.uri.path_and_query().map_or("/", |it| it.as_str());
    if target.starts_with('?') {
        return format!("/{target}").into();
    }
    target.into()
}

fn malformed(detail: String) -> Problem {
    Problem::new("malformed-reply", "the reply cannot be read", 502).with_detail(detail)
}
