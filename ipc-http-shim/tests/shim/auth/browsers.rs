//! Pages of other origins, and what browsers are told.

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse as _;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::support::token::{Issuing, shown};
use crate::support::{Fake, Legacy, Running, get, text};

const CORS: &str = r#"
[cors]
origins = ["https://app.example", "https://admin.example"]
credentials = true
expose = ["x-request-id"]
max_age = "1h"
"#;

const ROUTES: &str = r#"
[[routes]]
method = "POST"
path = "/orders/{id}"
service = "orders"

[[routes]]
path = "/open"
service = "orders"
cors = { origins = "*", headers = ["x-a"] }

[[routes]]
path = "/closed"
service = "orders"
cors = "none"
"#;

fn from(origin: &str, mut request: Request<Body>) -> Request<Body> {
    let origin = origin.parse().expect("it is a value");
    request.headers_mut().insert("origin", origin);
    request
}

fn preflight(path: &str, method: &str) -> Request<Body> {
    let request = Request::options(path)
        .header("origin", "https://app.example")
        .header("access-control-request-method", method)
        .header("access-control-request-headers", "authorization, x-b");
    request.body(Body::empty()).expect("it is a request")
}

fn told<'a>(answer: &'a Response<Incoming>, name: &str) -> &'a str {
    let value = answer.headers().get(format!("access-control-{name}"));
    value.map_or("", |value| value.to_str().expect("it is text"))
}

#[tokio::test]
async fn a_preflight_is_answered_before_anybody_is_asked_who_he_is() {
    let (_file, auth) = shown(&[&Issuing::ed25519("ed")]);
    let settings = format!("auth.default = \"jwt\"\n{auth}{CORS}{ROUTES}");
    let shim = Running::start(&settings, Fake::silent()).await;

    let answer = shim.send(preflight("/orders/7", "POST")).await;

    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(told(&answer, "allow-origin"), "https://app.example");
    assert_eq!(told(&answer, "allow-credentials"), "true");
    assert_eq!(told(&answer, "allow-headers"), "authorization, x-b");
    assert_eq!(told(&answer, "max-age"), "3600");
    assert!(told(&answer, "allow-methods").contains("PATCH"));

    let asked = shim.send(from("https://app.example", get("/open"))).await;
    assert_eq!(asked.status(), StatusCode::UNAUTHORIZED);
    // Else the page could not see that.
    assert_eq!(told(&asked, "allow-origin"), "*");
}

#[tokio::test]
async fn an_answer_says_which_page_may_read_it() {
    let fake = Fake::telling(|_| "in".to_owned());
    let shim = Running::start(&format!("{CORS}{ROUTES}"), fake).await;
    let post = || crate::support::post("/orders/7", "");

    let known = shim.send(from("https://admin.example", post())).await;
    assert_eq!(told(&known, "allow-origin"), "https://admin.example");
    assert_eq!(told(&known, "expose-headers"), "x-request-id");
    let stranger = shim.send(from("https://evil.example", post())).await;
    assert_eq!(told(&stranger, "allow-origin"), "");
    // For caches between: another page gets another answer.
    for answer in [&known, &stranger, &shim.send(post()).await] {
        let mut vary = answer.headers().get_all("vary").iter();
        assert!(vary.any(|vary| vary.as_bytes().starts_with(b"origin")));
    }
    let closed = shim.send(from("https://app.example", get("/closed"))).await;
    assert_eq!(told(&closed, "allow-origin"), "");
    assert!(!closed.headers().contains_key("vary"));
}

#[tokio::test]
async fn a_legacy_server_that_knows_about_origins_is_left_alone_unless_it_is_said() {
    let own = || async { [("access-control-allow-origin", "https://own.example")].into_response() };
    let old = Legacy::start(Router::new().fallback(own)).await;

    let alone = Running::start_before("", Fake::silent(), old.address).await;
    let answer = alone.send(preflight("/a", "PUT")).await;
    assert_eq!(told(&answer, "allow-origin"), "https://own.example");

    let said = Running::start_before(CORS, Fake::silent(), old.address).await;
    let answer = said.send(from("https://app.example", get("/a"))).await;
    assert_eq!(told(&answer, "allow-origin"), "https://app.example");
    // What is no preflight goes where it went before.
    let options = Request::options("/a").body(Body::empty()).unwrap();
    assert_eq!(said.send(options).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn every_answer_has_the_headers_it_shall_have_and_keeps_its_own() {
    let fake = Fake::calls(|_| async {
        let mut answer = Response::new(Body::from("in"));
        let own = "SAMEORIGIN".parse().expect("a value");
        answer.headers_mut().insert("x-frame-options", own);
        Ok(answer)
    });
    let settings = "security_headers = { x-frame-options = \"DENY\", referrer-policy = \"no-referrer\" }\n\
                    [[routes]]\npath = \"/a\"\nservice = \"orders\"\n";
    let shim = Running::start(settings, fake).await;

    let answer = shim.send(get("/a")).await;
    assert_eq!(answer.headers()["x-frame-options"], "SAMEORIGIN");
    assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
    assert!(!answer.headers().contains_key("x-content-type-options"));
    let own = shim.send(get("/nowhere")).await;
    assert_eq!(own.headers()["x-frame-options"], "DENY");
    assert_eq!(own.headers()["x-content-type-options"], "nosniff");
    assert!(text(own).await.contains("no-route"));
}
