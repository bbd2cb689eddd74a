//! What is done to every request before it is routed.

use http::header::{COOKIE, EXPECT, HOST};
use http::uri::{PathAndQuery, Uri};
use http::{HeaderMap, HeaderValue, Method, Version, request};
use ipc_core::envelope::Problem;
use ipc_core::http::check_crossable;
use ipc_core::http::headers::check_request;

use super::ambiguity;
use super::answer::Refusal;
use crate::config::Limits;

/// How far a request may go.
pub(super) enum Passage {
    Anywhere,
    /// It asks for another protocol, to which only the legacy upstream can switch.
    Legacy(Refusal),
}

/// Refuses what is ambiguous, too large or cannot be passed on.
pub(super) fn check(parts: &request::Parts, limits: &Limits) -> Result<Passage, Refusal> {
    ambiguity::check(parts)?;
    check_url(&parts.uri, limits)?;
    check_headers(&parts.headers, limits)?;
    check_expectations(&parts.headers)?;
    match check_crossable(parts) {
        Ok(()) => Ok(Passage::Anywhere),
        Err(problem) if parts.method == Method::CONNECT => Err(problem.into()),
        Err(problem) => Ok(Passage::Legacy(problem.into())),
    }
}

/// Removes reserved headers and brings the URI to its origin form, with the
/// authority in `host`.
pub(super) fn normalise(parts: &mut request::Parts) {
    strip_reserved(&mut parts.headers);
    // What the target names is asked for, whatever the header says (RFC 9112, 3.2.2).
    if let Some(authority) = parts.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        parts.headers.insert(HOST, host);
    }
    parts.uri = origin_form(&parts.uri);
    if parts.version == Version::HTTP_2 {
        join_cookies(&mut parts.headers);
    }
}

/// HTTP/2 has clients cut their cookies in pieces, and nobody else knows of that
/// (RFC 9113, 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let pieces: Vec<&[u8]> = headers
        .get_all(COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if pieces.len() > 1
        && let Ok(mut cookie) = HeaderValue::from_bytes(&pieces.join(&b"; "[..]))
    {
        cookie.set_sensitive(true);
        headers.insert(COOKIE, cookie);
    }
}

/// Removes the headers that are the gateway's own to send.
pub(super) fn strip_reserved(headers: &mut HeaderMap) {
    let reserved = check_request(headers).into_iter().cloned();
    for name in reserved.collect::<Vec<_>>() {
        headers.remove(name);
    }
}

fn origin_form(uri: &Uri) -> Uri {
    let target = uri
        .path_and_query()
        .cloned()
        .unwrap_or_else(|| PathAndQuery::from_static("/"));
    Uri::from(target)
}

/// Only a first byte of the body can be waited for, and hyper does so.
fn check_expectations(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut expected = headers.get_all(EXPECT).iter();
    if expected.all(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return Ok(());
    }
    let problem = Problem::new(
        "expectation-failed",
        "the request expects what is not done here",
        417,
    );
    Err(problem.with_detail("only 100-continue is").into())
}

fn check_url(uri: &Uri, limits: &Limits) -> Result<(), Refusal> {
    let bytes = uri.path_and_query().map_or(0, |it| it.as_str().len());
    if bytes <= limits.url {
        return Ok(());
    }
    let problem = Problem::new("url-too-long", "the request's URL is too long", 414);
    let detail = format!(
        "path and query have {bytes} bytes; at most {} are taken",
        limits.url
    );
    Err(problem.with_detail(detail).into())
}

fn check_headers(headers: &HeaderMap, limits: &Limits) -> Result<(), Refusal> {
    let count = headers.len();
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    let detail = if count > limits.header_count {
        format!(
            "it has {count} headers; at most {} are taken",
            limits.header_count
        )
    } else if bytes > limits.header_bytes {
        format!(
            "its headers have {bytes} bytes; at most {} are taken",
            limits.header_bytes
        )
    } else {
        return Ok(());
    };
    let problem = Problem::new(
        "headers-too-large",
        "the request's headers are too large",
        431,
    );
    Err(problem.with_detail(detail).into())
}
