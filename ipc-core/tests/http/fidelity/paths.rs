//! Path and query byte for byte.

use axum::Router;
use axum::extract::{OriginalUri, Path, RawQuery};
use axum::http::Uri;
use axum::http::uri::{Parts, PathAndQuery};
use axum::routing;

use super::{CALL, Case, directly, get, mirror, over_kafka, same_both_ways};
use crate::carry::{deliver, encode, outcome};

const PATHS: &[&str] = &[
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

/// The path must not become an authority on the way in either, which parsing
/// `//x` as a whole URI is free to do.
fn ask(path: &str) -> axum::extract::Request {
    let mut parts = Parts::default();
    parts.path_and_query = Some(path.parse::<PathAndQuery>().unwrap());
    let mut request = get("/");
    *request.uri_mut() = Uri::from_parts(parts).unwrap();
    request
}

#[tokio::test]
async fn every_target_arrives_as_sent() {
    for path in PATHS {
        let plain = directly(mirror(), ask(path)).await;
        let carried = over_kafka(mirror(), ask(path), CALL).await;
        let seen = std::str::from_utf8(carried.body()).unwrap();
        assert!(seen.starts_with(&format!("GET {path} ")), "{path}: {seen}");
        assert!(seen.contains("authority None"), "{path}: {seen}");
        assert_eq!(carried.body(), plain.body(), "{path}");
    }
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

#[tokio::test]
async fn routes_capture_the_same() {
    same_both_ways(&[
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
    ])
    .await;
}

#[tokio::test]
async fn an_absolute_uri_brings_its_authority_as_host() {
    let encoded = encode(get("http://user:secret@orders:8080/x?y"), CALL).await;
    let app = mirror();
    let ipc_core::dispatch::Outcome::Reply(reply) = outcome(app, deliver(encoded, CALL.mode)).await
    else {
        panic!("a call is always answered");
    };
    let seen = crate::carry::decode(reply).await;
    let seen = std::str::from_utf8(seen.body()).unwrap();
    assert!(seen.starts_with("GET /x?y "), "{seen}");
    assert!(seen.contains("\"host: orders:8080\""), "{seen}");
    assert!(!seen.contains("secret"), "{seen}");
}
