//! Which requests go where, and what they look like when they arrive.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Method, Request, StatusCode};

use crate::support::{Fake, Legacy, Running, get, post, text};

const ORDERS: &str = r#"
timeout = "7s"

[[routes]]
methods = ["POST", "GET"]
path = "/orders/{id}"
service = "orders"
timeout = "5s"

[[routes]]
path = "/open/{*rest}"
service = "open"
key = "header:x-tenant"
"#;

#[tokio::test]
async fn a_request_goes_to_its_routes_service_with_key_and_timeout() {
    let fake = Fake::telling(|seen| {
        format!(
            "{} {} {} {:?} {:?} {:?}",
            seen.service, seen.head.method, seen.head.uri, seen.key, seen.timeout, seen.body
        )
    });
    let shim = Running::start(ORDERS, fake).await;

    let answer = shim.send(post("/orders/a%2Fb?x=%FF&y", "ham")).await;

    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(
        text(answer).await,
        r#"orders POST /orders/a%2Fb?x=%FF&y Some(b"a/b") 5s b"ham""#
    );
}

#[tokio::test]
async fn a_route_without_a_timeout_has_the_shims_and_its_key_from_the_header_it_names() {
    let fake = Fake::telling(|seen| format!("{} {:?} {:?}", seen.service, seen.key, seen.timeout));
    let shim = Running::start(ORDERS, fake).await;

    let mut request = get("/open/a/b//c");
    request
        .headers_mut()
        .insert("x-tenant", "acme".parse().unwrap());
    let answer = shim.send(request).await;

    let expected = format!("open Some(b\"acme\") {:?}", Duration::from_secs(7));
    assert_eq!(text(answer).await, expected);
}

#[tokio::test]
async fn a_path_that_looks_like_an_authority_is_a_path() {
    let fake = Fake::telling(|seen| seen.head.uri.to_string());
    let shim = Running::start("[[routes]]\npath = \"/{*all}\"\nservice = \"s\"\n", fake).await;

    let answer = shim
        .send_raw(b"GET //x/../y? HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n")
        .await;
    assert!(answer.ends_with("\r\n//x/../y?"), "{answer}");
}

#[tokio::test]
async fn an_absolute_request_line_arrives_as_a_path_with_the_host_kept() {
    let fake = Fake::telling(|seen| format!("{} {:?}", seen.head.uri, seen.head.headers["host"]));
    let shim = Running::start(ORDERS, fake).await;

    let answer = shim
        .send_raw(b"GET http://shop/orders/1 HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n")
        .await;

    assert!(answer.ends_with("\r\n/orders/1 \"shop\""), "{answer}");
}

#[tokio::test]
async fn reserved_headers_from_outside_never_arrive_and_credentials_do() {
    let fake = Fake::telling(|seen| {
        let names = seen.head.headers.keys().map(|name| name.as_str());
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        names.join(" ")
    });
    let shim = Running::start(ORDERS, fake).await;

    let mut request = get("/orders/1");
    for name in [
        "ipc-caller",
        "kafka_replytopic",
        "KAFKA_correlationId",
        "reply_to",
        "spring_json_header_types",
        "__typeid__",
        "authorization",
        "cookie",
        "x-mine",
    ] {
        let name = http::HeaderName::try_from(name).unwrap();
        request.headers_mut().insert(name, "1".parse().unwrap());
    }

    assert_eq!(
        text(shim.send(request).await).await,
        "authorization cookie host x-mine"
    );
}

#[tokio::test]
async fn the_clients_address_is_told() {
    let fake = Fake::telling(|seen| seen.peer.address.ip().to_string());
    let shim = Running::start(ORDERS, fake).await;

    assert_eq!(text(shim.send(get("/orders/1")).await).await, "127.0.0.1");
}

#[tokio::test]
async fn without_a_legacy_upstream_an_unknown_path_is_404_and_a_wrong_method_405() {
    let shim = Running::start(ORDERS, Fake::silent()).await;

    let unknown = shim.send(get("/nothing")).await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        unknown.headers()["content-type"],
        "application/problem+json"
    );
    assert!(unknown.headers().contains_key("server-timing"));
    assert!(text(unknown).await.contains("urn:ipc:problem:no-route"));

    let wrong = Request::delete("/orders/1").body(Body::empty()).unwrap();
    let wrong = shim.send(wrong).await;
    assert_eq!(wrong.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(wrong.headers()["allow"], "POST, GET, HEAD");
}

#[tokio::test]
async fn with_a_legacy_upstream_whatever_has_no_route_goes_there() {
    let old = Legacy::start(
        Router::new()
            .fallback(async |method: Method, uri: http::Uri| format!("legacy {method} {uri}")),
    )
    .await;
    let fake = Fake::telling(|_| "kafka".to_owned());
    let shim = Running::start_before(ORDERS, fake, old.address).await;

    let moved = shim.send(get("/orders/1")).await;
    let unknown = shim.send(get("/nothing?x=1")).await;
    let other_method = Request::put("/orders/1").body(Body::empty()).unwrap();
    let other_method = shim.send(other_method).await;

    assert_eq!(text(moved).await, "kafka");
    assert_eq!(text(unknown).await, "legacy GET /nothing?x=1");
    assert_eq!(text(other_method).await, "legacy PUT /orders/1");
}

#[tokio::test]
async fn a_route_with_mode_legacy_goes_to_the_legacy_upstream() {
    let old = Legacy::start(Router::new().fallback(async || "legacy")).await;
    let routes = r#"
[[routes]]
path = "/orders/{id}"
service = "orders"

[[routes]]
path = "/orders/invoice"
mode = "legacy"
"#;
    let shim = Running::start_before(routes, Fake::silent(), old.address).await;

    assert_eq!(
        text(shim.send(get("/orders/invoice")).await).await,
        "legacy"
    );
}

#[tokio::test]
async fn a_route_takes_a_path_however_its_unreserved_characters_are_encoded() {
    let fake = Fake::telling(|seen| format!("{} {:?}", seen.head.uri, seen.key));
    let route = "[[routes]]\npath = \"/admin/{id}\"\nservice = \"s\"\nkey = \"{id}\"\n";
    let shim = Running::start(route, fake).await;

    let answer = shim.send(get("/%61dmin/%41%2F7")).await;

    assert_eq!(text(answer).await, "/%61dmin/%41%2F7 Some(b\"A/7\")");
}
