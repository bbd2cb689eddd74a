//! Methods as sent.

use axum::Router;
use axum::http::{HeaderName, Method, StatusCode};
use axum::routing::{get, head, post};

use super::{Case, mirror, request, same_both_ways};

fn resource() -> Router {
    Router::new()
        .route(
            "/orders",
            get(|| async { "a list" }).post(|| async { StatusCode::CREATED }),
        )
        .route(
            "/unmeasured",
            get(|| async { super::unknown_length(3, b"abc") }),
        )
        .route(
            "/head",
            head(|| async { [(HeaderName::from_static("x-head"), "own")] }),
        )
        .route("/nothing", post(|| async { StatusCode::NO_CONTENT }))
}

#[tokio::test]
async fn every_method_reaches_the_handler_as_sent() {
    for method in [
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
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let ask = || {
            let mut asked = request("GET", "/");
            *asked.method_mut() = method.clone();
            asked
        };
        let plain = super::directly(mirror(), ask()).await;
        let carried = super::over_kafka(mirror(), ask(), super::CALL).await;
        assert!(plain.body().starts_with(method.as_str().as_bytes()));
        assert_eq!(carried.body(), plain.body());
    }
}

#[tokio::test]
async fn methods_with_a_meaning_of_their_own() {
    same_both_ways(&[
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
    ])
    .await;
}

#[tokio::test]
async fn allow_and_content_length_are_there_to_compare() {
    let refused = super::over_kafka(resource(), request("DELETE", "/orders"), super::CALL).await;
    assert_eq!(refused.headers()["allow"], "GET,HEAD,POST");
    let head = super::over_kafka(resource(), request("HEAD", "/orders"), super::CALL).await;
    assert_eq!(head.headers()["content-length"], "6");
    assert!(head.body().is_empty());
}
