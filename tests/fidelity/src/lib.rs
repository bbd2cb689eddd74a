//! Applications and requests that show whether HTTP crosses unchanged: asked
//! directly and asked another way, an application gives the same answer.

pub mod bodies;
pub mod headers;
pub mod layers;
pub mod methods;
pub mod paths;
pub mod routers;

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use bytes::Bytes;

/// One row of a table: an application, a request, and the status that shows the
/// request got where it was meant to go.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What it is about.
    pub name: &'static str,
    /// Makes a fresh instance, so that one that counts starts from the beginning.
    pub app: fn() -> Router,
    /// Makes the request.
    pub request: fn() -> Request,
    /// The status of the answer.
    pub status: u16,
}

/// Every table there is.
pub const TABLES: &[&[Case]] = &[
    bodies::REQUESTS,
    bodies::REFUSED,
    bodies::REPLIES,
    headers::REQUESTS,
    headers::IDEMPOTENCY_KEYS,
    headers::RESPONSES,
    layers::LAYERED,
    methods::MEANINGFUL,
    paths::CAPTURED,
    routers::ROUTED,
];

/// An application that answers with everything it sees of a request.
pub fn mirror() -> Router {
    Router::new().fallback(|request: Request| async {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, usize::MAX).await.map_err(|error| {
            let status = StatusCode::BAD_REQUEST;
            (status, error.to_string())
        })?;
        let headers: Vec<_> = parts
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.as_bytes().escape_ascii()))
            .collect();
        Ok::<_, (StatusCode, String)>(format!(
            "{} {} {:?}\nauthority {:?}, path {}, query {:?}\n{headers:#?}\n{}",
            parts.method,
            parts.uri,
            parts.version,
            parts.uri.authority(),
            parts.uri.path(),
            parts.uri.query(),
            body.escape_ascii(),
        ))
    })
}

/// A request without headers and body.
///
/// # Panics
///
/// Where the method or the URI is none.
#[must_use]
pub fn request(method: &str, uri: &str) -> Request {
    Request::builder()
        .method(method)
        .uri(uri)
        .body(Body::empty())
        .expect("method and URI are valid")
}

/// A GET request without headers.
///
/// # Panics
///
/// Where the URI is none.
#[must_use]
pub fn get(uri: &str) -> Request {
    request("GET", uri)
}

/// A body of unknown length: many frames, no size hint.
fn unknown_length(frames: usize, frame: &'static [u8]) -> Body {
    let frames = std::iter::repeat_n(Ok::<_, Infallible>(Bytes::from_static(frame)), frames);
    Body::from_stream(futures_util::stream::iter(frames))
}
