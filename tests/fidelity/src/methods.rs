//! Methods as sent.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, Method, StatusCode};
use axum::routing::{get, head, post};

use crate::{Case, mirror, request};

/// Methods that mean nothing in particular, and some that nobody registered.
pub const METHODS: &[&str] = &[
    "GET",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "QUERY",
    "PROPFIND",
    "M-SEARCH",
    "get",
    "x!#$%&'*+-.^_`|~9",
];

/// A request with this method.
///
/// # Panics
///
/// Where it is none.
#[must_use]
pub fn ask(method: &str) -> Request {
    let mut asked = request("GET", "/");
    *asked.method_mut() = Method::from_bytes(method.as_bytes()).expect("the method is a token");
    asked
}

/// An application with a few methods on a few paths.
pub fn resource() -> Router {
    Router::new()
        .route(
            "/orders",
            get(|| async { "a list" }).post(|| async { StatusCode::CREATED }),
        )
        .route(
            "/unmeasured",
            get(|| async { crate::unknown_length(3, b"abc") }),
        )
        .route(
            "/head",
            head(|| async { [(HeaderName::from_static("x-head"), "own")] }),
        )
        .route("/nothing", post(|| async { StatusCode::NO_CONTENT }))
}

/// Methods that HTTP or axum treat in their own way.
pub const MEANINGFUL: &[Case] = &[
    Case {
        name: "HEAD of a GET route: headers and length, no body",
        app: resource,
        request: || request("HEAD", "/orders"),
        status: 200,
    },
    Case {
        name: "HEAD of a body of unknown length",
        app: resource,
        request: || request("HEAD", "/unmeasured"),
        status: 200,
    },
    Case {
        name: "HEAD with a handler of its own",
        app: resource,
        request: || request("HEAD", "/head"),
        status: 200,
    },
    Case {
        name: "HEAD of what is not there",
        app: resource,
        request: || request("HEAD", "/nobody"),
        status: 404,
    },
    Case {
        name: "a method not allowed comes with Allow",
        app: resource,
        request: || request("DELETE", "/orders"),
        status: 405,
    },
    Case {
        name: "an extension method not allowed",
        app: resource,
        request: || request("PROPFIND", "/orders"),
        status: 405,
    },
    Case {
        name: "OPTIONS of the whole server",
        app: mirror,
        request: || request("OPTIONS", "*"),
        status: 200,
    },
    Case {
        name: "no content",
        app: resource,
        request: || request("POST", "/nothing"),
        status: 204,
    },
];
