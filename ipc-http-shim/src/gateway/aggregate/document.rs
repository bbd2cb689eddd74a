//! The document that the parts of an aggregate make.

use std::collections::BTreeMap;

use axum::body::Body;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use serde::Serialize;
use serde_json::value::RawValue;

use super::Answered;
use super::part::Reason;
use crate::config::MISSING;
use crate::gateway::answer::Refusal;

/// A member of the document.
#[derive(Serialize)]
#[serde(untagged)]
enum Member<'d> {
    Part(Box<RawValue>),
    Missing(BTreeMap<&'d str, Reason>),
}

/// What came of these parts, one member each, and why some are missing. Where one is that
/// is required, or all are, its own answer, or that of the first.
pub(super) fn of(parts: Vec<Answered<'_>>) -> Result<Response<Body>, Refusal> {
    let is_any_there = parts.iter().any(|part| part.document.is_ok());
    let (mut members, mut missing) = (BTreeMap::new(), BTreeMap::new());
    for part in parts {
        match part.document {
            Ok(document) => drop(members.insert(part.name, Member::Part(document))),
            Err(why) if part.required || !is_any_there => return why.into_answer(),
            Err(why) => drop(missing.insert(part.name, why.into_reason())),
        }
    }
    if !missing.is_empty() {
        members.insert(MISSING, Member::Missing(missing));
    }
    // Text that was read as JSON, and problems: serialising cannot fail.
    let body = serde_json::to_vec(&members).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // How long each part may be kept was said of that part alone.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
