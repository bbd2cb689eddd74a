//! Who may call.

mod api_keys;
mod browsers;
mod certificates;
mod jwks;
mod jwt;
mod routes;
mod services;
mod told;

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;

/// A request with one header beside its own.
fn with(path: &str, name: &'static str, value: &str) -> Request<Body> {
    let mut request = crate::support::get(path);
    let value = value.parse().expect("it is a value");
    request.headers_mut().insert(name, value);
    request
}

/// A request with a token.
fn bearing(path: &str, token: &str) -> Request<Body> {
    with(path, "authorization", &format!("Bearer {token}"))
}

/// How an answer says that its client may try otherwise.
fn challenges(answer: &Response<Incoming>) -> Vec<&str> {
    let values = answer.headers().get_all("www-authenticate");
    values
        .iter()
        .map(|value| value.to_str().expect("it is text"))
        .collect()
}
