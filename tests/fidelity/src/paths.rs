//! Path and query byte for byte.

use axum::Router;
use axum::extract::{OriginalUri, Path, RawQuery};
use axum::http::Uri;
use axum::http::uri::{Parts, PathAndQuery};
use axum::routing;

use crate::{Case, get};

/// Request targets that are easily mended on the way.
pub const PATHS: &[&str] = &[
    "/",
    "/a%2Fb",
    "/a%2fb",
    "/%FF%00",
    "/a/../b/./c",
    "/%2e%2e/x",
    "//x",
    "//user@host:80/x",
    "///",
    "/trailing/",
    "/empty-query?",
    "/?a=1&a=2&b=%20+%26",
    "/q?//x?y=/../",
    "/path;matrix=1,2",
    "/:colon@at!$&'()*+,;=",
    "/\"{json}\"|[1]^",
    "/ümlaut/日本?q=ü",
    "/%",
    "/%zz",
];

/// A GET request for this target, which must not become an authority on the way
/// in either: parsing `//x` as a whole URI is free to do that.
///
/// # Panics
///
/// Where it is none.
#[must_use]
pub fn ask(path: &str) -> axum::extract::Request {
    let mut parts = Parts::default();
    parts.path_and_query = Some(path.parse::<PathAndQuery>().expect("the target is valid"));
    let mut request = get("/");
    *request.uri_mut() = Uri::from_parts(parts).expect("a target is a URI");
    request
}

fn captures() -> Router {
    Router::new()
        .route(
            "/orders/{id}",
            routing::get(
                |Path(id): Path<String>, RawQuery(query): RawQuery| async move {
                    format!("{id} {query:?}")
                },
            ),
        )
        .route(
            "/files/{*rest}",
            routing::get(
                |Path(rest): Path<String>, OriginalUri(uri): OriginalUri| async move {
                    format!("{rest} {uri}")
                },
            ),
        )
}

/// Paths whose captures are as sent.
pub const CAPTURED: &[Case] = &[
    Case {
        name: "an encoded slash stays within its segment",
        app: captures,
        request: || get("/orders/a%2Fb?x"),
        status: 200,
    },
    Case {
        name: "a segment that is not UTF-8 is the extractor's 400",
        app: captures,
        request: || get("/orders/%FF"),
        status: 400,
    },
    Case {
        name: "a wildcard keeps slashes and dots",
        app: captures,
        request: || get("/files/a//b/../c%2F"),
        status: 200,
    },
    Case {
        name: "a trailing slash is another path",
        app: captures,
        request: || get("/orders/7/"),
        status: 404,
    },
    Case {
        name: "an empty query is not no query",
        app: captures,
        request: || get("/orders/7?"),
        status: 200,
    },
];
