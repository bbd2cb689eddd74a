//! A running shim, clients for it, and stand-ins for what is behind it.

mod fake;
mod over_kafka;
mod raw;
mod running;
pub(crate) mod secured;
pub(crate) mod token;

pub(crate) use fake::{Fake, Seen, correlation_id};
pub(crate) use over_kafka::OverKafka;
pub(crate) use raw::Raw;
pub(crate) use running::{Legacy, Running, running_config, text, try_config};
pub(crate) use secured::{Authority, Http, Issued, file};

use std::time::Duration;

use axum::body::Body;
use http::Request;
use ipc_http_shim::config::KeyHash;

/// Far beyond what anything here takes; it only turns a hang into a failure.
pub(crate) async fn within<T>(waited: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(Duration::from_secs(60), waited).await;
    waited.expect("it comes about")
}

/// The lines of a configuration that know this key as that of `name`.
pub(crate) fn api_key(name: &str, key: &str) -> String {
    let hash = KeyHash::of(key.as_bytes());
    format!("[[auth.api_keys]]\nname = \"{name}\"\nsha256 = \"{hash}\"\n")
}

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
