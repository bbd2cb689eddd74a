//! What is done to every request before it is routed.

use http::header::HOST;
use http::uri::{PathAndQuery, Uri};
use http::{HeaderMap, HeaderValue, Method, request};
use ipc_core::envelope::Problem;
use ipc_core::http::check_crossable;
use ipc_core::http::headers::check_request;

use super::answer::Refusal;
use crate::config::Limits;

/// How far a request may go.
pub(super) enum Passage {
    Anywhere,
    /// It asks for another protocol, to which only the legacy upstream can switch.
    Legacy(Refusal),
}

/// Refuses what is too large or cannot be passed on.
pub(super) fn check(parts: &request::Parts, limits: &Limits) -> Result<Passage, Refusal> {
    check_url(&parts.uri, limits)?;
    check_headers(&parts.headers, limits)?;
    match check_crossable(parts) {
        Ok(()) => Ok(Passage::Anywhere),
        Err(problem) if parts.method == Method::CONNECT => Err(problem.into()),
        Err(problem) => Ok(Passage::Legacy(problem.into())),
    }
}

/// Removes reserved headers and brings the URI to its origin form, with the
/// authority in `host`.
pub(super) fn normalise(parts: &mut request::Parts) {
    let reserved = check_request(&parts.headers).into_iter().cloned();
    for name in reserved.collect::<Vec<_>>() {
        parts.headers.remove(name);
    }
    if let Some(authority) = parts.uri.authority() {
        // Never `user:password@`, which is for the client alone.
        let host = authority.as_str().rsplit('@').next().unwrap_or_default();
        if let (false, Ok(host)) = (
            parts.headers.contains_key(HOST),
            HeaderValue::from_str(host),
        ) {
            parts.headers.insert(HOST, host);
        }
    }
    parts.uri = origin_form(&parts.uri);
}

fn origin_form(uri: &Uri) -> Uri {
    let target = uri
        .path_and_query()
        .cloned()
        .unwrap_or_else(|| PathAndQuery::from_static("/"));
    Uri::from(target)
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
