//! Requests and answers as the rules are to see them.

use http::header::{
    AGE, AUTHORIZATION, CACHE_CONTROL, COOKIE, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_RANGE, IF_UNMODIFIED_SINCE, RANGE, SET_COOKIE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, request};

use crate::auth::Principal;

/// A request that a cache may answer.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: Request<()>,
    /// Whether it is of somebody in particular.
    pub(super) is_personal: bool,
}

/// A request that a cache may answer; `None` where it is not a plain one. What is conditional,
/// or asks for a part, is its service's to answer.
pub(super) fn request_of(head: &request::Parts) -> Option<Asked> {
    let conditional = [
        IF_MATCH,
        IF_MODIFIED_SINCE,
        IF_NONE_MATCH,
        IF_RANGE,
        IF_UNMODIFIED_SINCE,
        RANGE,
    ];
    let is_plain = conditional
        .iter()
        .all(|name| !head.headers.contains_key(name));
    if head.method != Method::GET || !is_plain {
        return None;
    }
    let mut judged = Request::new(());
    judged.uri_mut().clone_from(&head.uri);
    *judged.headers_mut() = joined(&head.headers)?;
    let proves = |name| head.headers.contains_key(name);
    let is_personal =
        proves(AUTHORIZATION) || proves(COOKIE) || head.extensions.get::<Principal>().is_some();
    Some(Asked {
        request: judged,
        is_personal,
    })
}

/// Whether an answer is for everybody, whoever has asked for it.
pub(super) fn is_public(judged: &Response<()>) -> bool {
    let rules = judged.headers().get(CACHE_CONTROL);
    let rules = rules
        .and_then(|rules| rules.to_str().ok())
        .unwrap_or_default();
    rules.split(',').any(|rule| rule.trim() == "public")
}

/// An answer that may be given again as far as can be seen without the rules; `None` where it
/// may not.
pub(super) fn answer_of(answer: &Response<()>) -> Option<Response<()>> {
    // Whom a cookie is for, nobody but the service knows.
    if answer.headers().contains_key(SET_COOKIE) {
        return None;
    }
    let mut judged = Response::new(());
    *judged.status_mut() = answer.status();
    *judged.headers_mut() = joined(answer.headers())?;
    if let Some(age) = judged.headers().get(AGE) {
        // A longer one would be more seconds than can be counted on.
        (age.len() < 10).then_some(())?;
    }
    Some(judged)
}

/// Headers with all values of a name in one line, which is the same (RFC 9110, 5.3), and with
/// `cache-control` in small letters, in which its rules are looked for.
fn joined(headers: &HeaderMap) -> Option<HeaderMap> {
    let mut joined = HeaderMap::with_capacity(headers.keys_len());
    for name in headers.keys() {
        joined.insert(name, line(headers, name)?);
    }
    Some(joined)
}

fn line(headers: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let is_rule = *name == CACHE_CONTROL;
    let (first, more) = (values.next()?, values.next());
    if more.is_none() && !is_rule {
        return Some(first.clone());
    }
    let values: Vec<&[u8]> = headers
        .get_all(name)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    let mut line = values.join(&b", "[..]);
    if is_rule {
        line.make_ascii_lowercase();
    }
    HeaderValue::from_bytes(&line).ok()
}
