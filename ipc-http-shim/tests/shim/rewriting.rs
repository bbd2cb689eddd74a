//! What a route changes of requests and answers.

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, HeaderName, Request, Response, StatusCode, Uri};
use ipc_http_shim::config::{Config, HeaderChanges, PathRewrite, Rewriting, Route, RouteTable};

use crate::support::{Fake, Legacy, Running, get, text};

const PATHS: &str = r#"
[[routes]]
path = "/orders/{id}"
service = "orders"
rewrite = "/v2/orders/{id}/full"

[[routes]]
path = "/files/{*rest}"
service = "files"
rewrite = "/store/{rest}"

[[routes]]
method = "OPTIONS"
path = "/"
service = "files"
rewrite = "/store"
"#;

#[tokio::test]
async fn a_path_is_sent_on_as_it_is_rewritten_and_the_query_byte_for_byte() {
    let fake = Fake::telling(|seen| format!("{} {:?}", seen.head.uri, seen.key));
    let shim = Running::start(PATHS, fake).await;

    for (sent, arrived) in [
        (
            "/orders/a%2Fb?x=%FF&y",
            "/v2/orders/a%2Fb/full?x=%FF&y None",
        ),
        ("/orders/7?", "/v2/orders/7/full? None"),
        ("/files/a//b.txt", "/store/a//b.txt None"),
    ] {
        assert_eq!(text(shim.send(get(sent)).await).await, arrived);
    }
    let post = Request::post("/orders/a%2Fb").body(Body::empty()).unwrap();
    assert_eq!(
        text(shim.send(post).await).await,
        "/v2/orders/a%2Fb/full Some(b\"a/b\")"
    );
    let server = shim
        .send_raw(b"OPTIONS * HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n")
        .await;
    assert!(server.ends_with("\r\n* None"), "{server}");
}

#[tokio::test]
async fn a_path_that_would_leave_its_rewrite_is_400_and_nothing_is_sent() {
    let shim = Running::start(PATHS, Fake::silent()).await;

    for path in [
        "/orders/..",
        "/orders/%2e%2E",
        "/orders/..%2fadmin",
        "/orders/a%00",
        "/orders/..%5C",
        "/files/a/../../admin",
        "/files/..;x/admin",
    ] {
        let answer = shim
            .send_raw(
                format!("GET {path} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n")
                    .as_bytes(),
            )
            .await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
        assert!(answer.contains("urn:ipc:problem:path-escapes"), "{answer}");
    }
}

#[tokio::test]
async fn a_path_that_its_rewrite_makes_too_long_is_414() {
    let limits = "[limits]\nurl = 65534\n";
    let shim = Running::start(&format!("{limits}{PATHS}"), Fake::silent()).await;
    // As long as a target can be, and the rewrite adds to it.
    let path = format!("/orders/{}", "a".repeat(65_526));

    let answer = shim.send(get(&path)).await;

    assert_eq!(answer.status(), StatusCode::URI_TOO_LONG);
    assert!(text(answer).await.contains("urn:ipc:problem:path-too-long"));
}

const HEADERS: &str = r#"
[[routes]]
path = "/a"
service = "orders"
[routes.request_headers]
set = { x-tenant = "acme", host = "inner" }
add = { via = "1.1 shim" }
remove = ["cookie"]
[routes.response_headers]
set = { x-frame-options = "deny" }
add = { set-cookie = "b=2" }
remove = ["server"]
"#;

fn told(headers: &HeaderMap) -> String {
    let mut lines: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// A client that would have the gateway drop what the route sets.
fn hostile() -> Request<Body> {
    let mut request = get("/a");
    for (name, value) in [
        ("cookie", "secret"),
        ("x-tenant", "other"),
        ("via", "1.1 edge"),
        ("connection", "x-tenant"),
    ] {
        let name = HeaderName::from_static(name);
        request.headers_mut().append(name, value.parse().unwrap());
    }
    request
}

#[tokio::test]
async fn headers_are_changed_on_the_way_to_a_service_and_back() {
    let fake = Fake::calls(|seen| async move {
        let response = Response::builder()
            .header("server", "orders/1.2")
            .header("set-cookie", "a=1")
            .header("x-frame-options", "allow-all");
        Ok(response.body(Body::from(told(&seen.head.headers))).unwrap())
    });
    let shim = Running::start(HEADERS, fake).await;

    let answer = shim.send(hostile()).await;

    assert!(!answer.headers().contains_key("server"));
    assert_eq!(answer.headers()["x-frame-options"], "deny");
    let cookies: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!(
        text(answer).await,
        "host: inner\nvia: 1.1 edge\nvia: 1.1 shim\nx-tenant: acme"
    );
}

#[tokio::test]
async fn answers_of_the_gateway_itself_are_changed_too() {
    let fake = Fake::calls(|_| async {
        Err(ipc_http_shim::upstream::Failure::Rejected {
            reason: String::new(),
            retry_after: std::time::Duration::from_secs(1),
        })
    });
    let shim = Running::start(HEADERS, fake).await;

    let answer = shim.send(get("/a")).await;

    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["x-frame-options"], "deny");
}

#[tokio::test]
async fn the_legacy_upstream_gets_the_rewritten_request_and_for_whom_it_is() {
    let tell = async |uri: Uri, headers: HeaderMap| {
        (
            [("server", "old/0.9")],
            format!("{uri}\n{}", told(&headers)),
        )
    };
    let old = Legacy::start(Router::new().fallback(tell)).await;
    let text_of_routes = HEADERS.replace(
        "service = \"orders\"",
        "mode = \"legacy\"\nrewrite = \"/old/a\"",
    );
    let shim = Running::start_before(&text_of_routes, Fake::silent(), old.address).await;

    let mut request = hostile();
    *request.uri_mut() = "/a?b=%20".parse().unwrap();
    let shop = "shop.example".parse().unwrap();
    request.headers_mut().insert("host", shop);
    let answer = shim.send(request).await;

    assert!(!answer.headers().contains_key("server"));
    assert_eq!(
        text(answer).await,
        "/old/a?b=%20\n\
         forwarded: for=127.0.0.1;host=\"shop.example\";proto=http\n\
         host: inner\n\
         via: 1.1 edge\n\
         via: 1.1 shim\n\
         x-forwarded-for: 127.0.0.1\n\
         x-forwarded-host: shop.example\n\
         x-forwarded-proto: http\n\
         x-tenant: acme"
    );
}

#[test]
fn a_route_made_in_code_is_checked_as_one_of_the_file_is() {
    let mut unknown = Rewriting::default();
    unknown.path = Some(PathRewrite::parse("/v2/{other}").unwrap());
    let mut reserved = Rewriting::default();
    reserved.request_headers.remove = vec![HeaderName::from_static("ipc-deadline")];
    let mut config = Config::default();
    config.routes = vec![
        Route::call("/a/{id}", "orders").rewriting(unknown),
        Route::call("/b", "orders").rewriting(reserved),
        Route::call("/c", "orders").rewriting(Rewriting::default()),
    ];
    assert!(HeaderChanges::default().is_empty());

    let faults = RouteTable::new(config.routes).expect_err("two routes are wrong");

    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "rewrite names \"other\", which the path has no parameter for: known are \"id\"",
            "header \"ipc-deadline\" belongs to the protocols spoken on the log: choose another name"
        ]
    );
}
