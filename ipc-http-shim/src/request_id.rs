//! What a request is called, where its client or its application did not name it.

use std::fmt::Display;

use http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names a request in headers that do not name it yet.
pub(crate) fn name(headers: &mut HeaderMap, id: Option<&(impl Display + ?Sized)>) {
    // Ids are shown in visible ASCII only, which any header value can hold.
    if let Some(id) = id
        && !headers.contains_key(REQUEST_ID)
        && let Ok(id) = HeaderValue::try_from(id.to_string())
    {
        headers.insert(REQUEST_ID, id);
    }
}
