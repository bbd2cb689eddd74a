//! A running shim, clients for it, and stand-ins for what is behind it.

mod fake;
mod running;

pub(crate) use fake::{Fake, correlation_id};
pub(crate) use running::{Legacy, Running, running_config, text, try_config};

use axum::body::Body;
use http::Request;

/// A request without a body.
pub(crate) fn get(path: &str) -> Request<Body> {
    Request::get(path)
        .body(Body::empty())
        .expect("the request is valid")
}

/// A request with a body.
pub(crate) fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path)
        .body(body.into())
        .expect("the request is valid")
}
