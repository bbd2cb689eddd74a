//! An application cannot tell: asked directly and asked over Kafka, it gives
//! the same answer.

#[cfg(feature = "connect-info")]
mod peer;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, Response};
use axum::response::AppendHeaders;
use bytes::Bytes;
use http_body_util::BodyExt;
use ipc_core::dispatch::Outcome;
use ipc_fidelity::{Case, bodies, get, headers, layers, methods, mirror, paths, request, routers};
use tower::{Layer, ServiceExt};
use tower_http::normalize_path::NormalizePathLayer;

use crate::carry::{CALL, decode, deliver, encode, outcome, over_kafka};

/// Asks each application both ways. Each gets its own instance, so that one
/// that counts starts from the beginning.
async fn same_both_ways(cases: &[Case]) {
    for case in cases {
        let name = case.name;
        let plain = directly((case.app)(), (case.request)()).await;
        let carried = over_kafka((case.app)(), (case.request)(), CALL).await;
        assert_eq!(plain.status().as_u16(), case.status, "{name}: {plain:?}");
        assert_eq!(carried.status(), plain.status(), "{name}: status");
        assert_eq!(carried.headers(), plain.headers(), "{name}: headers");
        assert!(carried.body() == plain.body(), "{name}: body");
    }
}

async fn directly(app: Router, request: Request) -> Response<Bytes> {
    let Ok(response) = app.oneshot(request).await;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("the body does not break off");
    Response::from_parts(parts, body.to_bytes())
}

#[tokio::test]
async fn request_bodies_arrive_whole() {
    same_both_ways(bodies::REQUESTS).await;
}

#[tokio::test]
async fn the_application_refuses_bodies_in_its_own_words() {
    same_both_ways(bodies::REFUSED).await;
}

#[tokio::test]
async fn reply_bodies_come_back_whole() {
    same_both_ways(bodies::REPLIES).await;
}

#[tokio::test]
async fn request_headers_arrive_in_order_and_byte_for_byte() {
    same_both_ways(headers::REQUESTS).await;
}

#[tokio::test]
async fn an_idempotency_key_arrives_as_sent() {
    same_both_ways(headers::IDEMPOTENCY_KEYS).await;
}

#[tokio::test]
async fn response_headers_come_back_in_order_and_byte_for_byte() {
    same_both_ways(headers::RESPONSES).await;
}

#[tokio::test]
async fn methods_with_a_meaning_of_their_own() {
    same_both_ways(methods::MEANINGFUL).await;
}

#[tokio::test]
async fn routes_capture_the_same() {
    same_both_ways(paths::CAPTURED).await;
}

#[tokio::test]
async fn nested_merged_and_fallback_routers_route_the_same() {
    same_both_ways(routers::ROUTED).await;
}

#[tokio::test(start_paused = true)]
async fn layers_do_the_same() {
    same_both_ways(layers::LAYERED).await;
}

#[tokio::test]
async fn every_method_reaches_the_handler_as_sent() {
    for method in methods::METHODS {
        let plain = directly(mirror(), methods::ask(method)).await;
        let carried = over_kafka(mirror(), methods::ask(method), CALL).await;
        assert!(plain.body().starts_with(method.as_bytes()));
        assert_eq!(carried.body(), plain.body());
    }
}

#[tokio::test]
async fn every_target_arrives_as_sent() {
    for path in paths::PATHS {
        let plain = directly(mirror(), paths::ask(path)).await;
        let carried = over_kafka(mirror(), paths::ask(path), CALL).await;
        let seen = std::str::from_utf8(carried.body()).unwrap();
        assert!(seen.starts_with(&format!("GET {path} ")), "{path}: {seen}");
        assert!(seen.contains("authority None"), "{path}: {seen}");
        assert_eq!(carried.body(), plain.body(), "{path}");
    }
}

#[tokio::test]
async fn the_answers_leave_something_to_compare() {
    let refused = over_kafka(methods::resource(), request("DELETE", "/orders"), CALL).await;
    assert_eq!(refused.headers()["allow"], "GET,HEAD,POST");
    let head = over_kafka(methods::resource(), request("HEAD", "/orders"), CALL).await;
    assert_eq!(head.headers()["content-length"], "6");
    assert!(head.body().is_empty());

    let mut compressed = get("/text");
    let gzip = "gzip".parse().unwrap();
    compressed.headers_mut().insert("accept-encoding", gzip);
    let compressed = over_kafka(layers::layered(), compressed, CALL).await;
    assert_eq!(compressed.headers()["content-encoding"], "gzip");
    assert_eq!(compressed.headers()["x-request-id"], "0");
    assert!(compressed.body().starts_with(b"\x1f\x8b"));
}

#[tokio::test]
async fn only_what_speaks_of_the_connection_or_for_the_framework_stays_behind() {
    let sent = headers::with_headers(&[
        ("connection", b"keep-alive, x-private"),
        ("x-private", b"1"),
        ("te", b"trailers"),
        ("upgrade", b"h2c"),
        ("ipc-deadline", b"1"),
        ("kafka_replytopic", b"elsewhere"),
        ("x-end", b"1"),
    ]);
    let app = Router::new().fallback(|headers: HeaderMap| async move {
        let names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        let answer = [("connection", "x-mine"), ("x-mine", "1"), ("ipc-end", "1")];
        (AppendHeaders(answer), names.join(" "))
    });
    let answer = over_kafka(app, sent, CALL).await;
    assert_eq!(&answer.body()[..], b"x-end");
    let names: Vec<_> = answer.headers().keys().map(HeaderName::as_str).collect();
    assert_eq!(names, ["content-type", "content-length"]);
}

#[tokio::test]
async fn an_absolute_uri_brings_its_authority_as_host() {
    let encoded = encode(get("http://user:secret@orders:8080/x?y"), CALL).await;
    let Outcome::Reply(reply) = outcome(mirror(), deliver(encoded, CALL.mode)).await else {
        panic!("a call is always answered");
    };
    let seen = decode(reply).await;
    let seen = std::str::from_utf8(seen.body()).unwrap();
    assert!(seen.starts_with("GET /x?y "), "{seen}");
    assert!(seen.contains("\"host: orders:8080\""), "{seen}");
    assert!(!seen.contains("secret"), "{seen}");
}

#[tokio::test]
async fn a_layer_around_the_router_is_served_as_well() {
    let app = NormalizePathLayer::trim_trailing_slash().layer(layers::routes());
    let delivery = encode(get("/text/"), CALL).await;
    let Outcome::Reply(reply) = outcome(app, deliver(delivery, CALL.mode)).await else {
        panic!("a call is always answered");
    };
    assert_eq!(reply.status, 200);
}
