//! Applications: routes, contracts, and the policy of each record.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::{get, post};
use http_body_util::BodyExt;
use ipc_core::contract::{Guarantee, Idempotency, Mode};
use ipc_core::dispatch::{Policies, Policy};
use ipc_core::envelope::{Envelope, RequestHead};
use ipc_core::routing::{App, Registry};
use ipc_core::{endpoint, endpoints};
use std::time::Duration;
use tower::ServiceExt;

use crate::handlers::*;

fn application() -> App {
    App::new()
        .endpoints(endpoints![
            place_order,
            audit,
            line,
            order_events,
            upload,
            raw,
            ping,
            one_sided
        ])
        .unwrap()
        .merge(Router::new().route("/legacy", get(|| async { "by hand" })))
        .with_state(Orders { prefix: "#" })
}

async fn ask(
    router: &Router,
    method: &str,
    path: &str,
    body: &'static str,
) -> (StatusCode, String) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .body(Body::from(body))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn policy(policies: &impl Policies, method: &str, path: &str) -> std::sync::Arc<Policy> {
    let head = RequestHead {
        method: Some(method.into()),
        path: Some(path.into()),
        ..RequestHead::default()
    };
    policies.find(&head, &Envelope::default(), "orders.requests")
}

fn registry(app: App) -> std::sync::Arc<Registry> {
    let mut default = Policy::new("default");
    default.timeout = Duration::from_secs(9);
    app.into_parts(default).unwrap().1
}

#[tokio::test]
async fn endpoints_and_routes_by_hand_are_one_router() {
    let router = application().into_router();
    let placed = ask(&router, "POST", "/orders/7/place", r#"{"item":"tea"}"#).await;
    assert_eq!(placed, (StatusCode::OK, r##"{"text":"#7:tea"}"##.into()));
    let refused = ask(&router, "POST", "/orders/7/place", r#"{"item":""}"#).await;
    assert_eq!(refused, (StatusCode::CONFLICT, r#"{"code":7}"#.into()));
    assert_eq!(ask(&router, "GET", "/legacy", "").await.1, "by hand");
    assert_eq!(ask(&router, "GET", "/ping", "").await.1, "pong");
    assert_eq!(ask(&router, "PUT", "/raw/a/b", "").await.1, "/raw/a/b");
    let line = ask(&router, "GET", "/orders/1/lines/2?text=x", "").await;
    assert_eq!(line.1, r#"[1,2,"x",1]"#);
    let one_sided = ask(&router, "POST", "/one-sided", r#"{"n":3}"#).await;
    assert_eq!(one_sided.1, r#"{"n":3}"#);
}

#[tokio::test]
async fn a_stream_over_plain_http_is_a_line_for_each_reply() {
    let router = application().into_router();
    let (status, lines) = ask(&router, "GET", "/orders/2/events", "").await;
    assert_eq!(status, StatusCode::OK);
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines[..2], [r#"{"text":"0"}"#, r#"{"text":"1"}"#]);
    assert!(lines[2].contains("urn:ipc:problem:stream-failed"));
    assert_eq!(lines.len(), 3);
}

#[test]
fn each_record_has_the_policy_of_its_endpoint() {
    let registry = registry(application());
    let placed = policy(&*registry, "POST", "/orders/7/place?x=/ping");
    assert_eq!(&*placed.name, "POST /orders/{id}/place");
    assert_eq!(placed.timeout, Duration::from_secs(5));
    assert_eq!(placed.idempotency, Idempotency::Optional);
    assert_eq!(placed.guarantee, Guarantee::AtLeastOnce);
    let audit = policy(&*registry, "POST", "/orders/a%2Fb/audit");
    assert_eq!(&*audit.name, "POST /orders/{id}/audit");
    assert_eq!(audit.mode, Mode::OneWay);
    assert_eq!(audit.timeout, Duration::from_secs(9));
    assert_eq!(&*policy(&*registry, "HEAD", "/ping").name, "GET /ping");
}

#[test]
fn what_no_endpoint_is_for_has_the_default_policy() {
    let registry = registry(application());
    for (method, path) in [
        ("GET", "/legacy"),
        ("GET", "/orders/7/place"),
        ("DELETE", "/ping"),
        ("GET", "/ping/"),
        ("GET", ""),
    ] {
        assert_eq!(
            &*policy(&*registry, method, path).name,
            "default",
            "{method} {path}"
        );
    }
    let none = registry.find(
        &RequestHead::default(),
        &Envelope::default(),
        "orders.requests",
    );
    assert_eq!(&*none.name, "default");
    assert_eq!(registry.all().len(), registry.endpoints().len() + 1);
}

#[tokio::test]
async fn nested_endpoints_keep_their_prefix() {
    #[endpoint(GET "/")]
    async fn root() -> &'static str {
        "root"
    }
    let inner = || -> App { App::new().endpoints(endpoints![root, ping]).unwrap() };
    let app: App = App::new()
        .nest("/api/{tenant}", App::new().nest("/v1", inner()))
        .nest("/slash/", inner());
    let (router, registry) = app.into_parts(Policy::new("default")).unwrap();
    for (path, name) in [
        ("/api/acme/v1/ping", "GET /api/{tenant}/v1/ping"),
        ("/api/acme/v1", "GET /api/{tenant}/v1"),
        ("/slash/ping", "GET /slash/ping"),
        ("/slash/", "GET /slash/"),
    ] {
        assert_eq!(
            ask(&router, "GET", path, "").await.0,
            StatusCode::OK,
            "{path}"
        );
        assert_eq!(&*policy(&*registry, "GET", path).name, name);
    }
    for path in ["/ping", "/api/acme/ping", "/api/acme/v1/"] {
        let known = ask(&router, "GET", path, "").await.0 != StatusCode::NOT_FOUND;
        assert_eq!(
            known,
            &*policy(&*registry, "GET", path).name != "default",
            "{path}"
        );
    }
}

#[test]
fn every_conflict_is_listed_at_once_without_a_panic() {
    mod other {
        use ipc_core::endpoint;

        #[endpoint(GET "/ping")]
        pub(crate) async fn again() {}

        #[endpoint(GET "/orders/{order}/place")]
        pub(crate) async fn overlapping() {}

        #[endpoint(GET "/fine")]
        pub(crate) async fn fine() {}
    }
    let app: App<Orders> = App::new().endpoints(endpoints![place_order, ping]).unwrap();
    let conflicts = app
        .endpoints(endpoints![other::again, other::overlapping, other::fine])
        .unwrap_err();
    assert_eq!(
        conflicts.to_string(),
        "2 route conflicts\n\
         - GET /ping is declared by ping and by again: give one another path or method\n\
         - GET /orders/{order}/place matches the same requests as the path \
         /orders/{id}/place: give their parameters the same name, or change one"
    );
}

#[tokio::test]
async fn layers_and_fallbacks_keep_the_contracts() {
    let app = application().map_router(|router| router.fallback(|| async { "lost" }));
    let (router, registry) = app.into_parts(Policy::new("default")).unwrap();
    assert_eq!(ask(&router, "GET", "/nowhere", "").await.1, "lost");
    assert_eq!(&*policy(&*registry, "GET", "/ping").name, "GET /ping");
}

#[test]
#[should_panic(expected = "Overlapping method route")]
fn a_clash_with_a_route_by_hand_is_axums_own_panic() {
    let by_hand: Router<Orders> = Router::new().route("/orders/{id}/place", post(|| async {}));
    let app = App::new().endpoints(endpoints![place_order]).unwrap();
    let _ = app.merge(by_hand);
}

mod prefixes {
    use super::*;
    use axum::extract::MatchedPath;
    use proptest::prelude::*;

    #[endpoint(GET "/")]
    async fn root(path: MatchedPath) -> String {
        path.as_str().to_owned()
    }

    #[endpoint(GET "/a/{id}")]
    async fn one(path: MatchedPath) -> String {
        path.as_str().to_owned()
    }

    #[endpoint(GET "/a/b")]
    async fn fixed(path: MatchedPath) -> String {
        path.as_str().to_owned()
    }

    #[endpoint(GET "/a/pre-{id}/b")]
    async fn within(path: MatchedPath) -> String {
        path.as_str().to_owned()
    }

    #[endpoint(GET "/b/{*rest}")]
    async fn rest(path: MatchedPath) -> String {
        path.as_str().to_owned()
    }

    fn routes() -> App {
        App::new()
            .endpoints(endpoints![root, one, fixed, within, rest])
            .unwrap()
    }

    proptest! {
        /// A record must not run under the policy of another endpoint than the
        /// one axum then routes it to.
        #[test]
        fn the_policy_is_that_of_the_route_axum_takes(
            path in "(/(a|b|api|pre-x|pre-|%2F|\\.\\.|))*(\\?/a/b)?"
        ) {
            prop_assume!(path.starts_with('/'));
            let app = routes().nest("/api", routes()).nest("/api/a/b/{tenant}", routes());
            let (router, registry) = app.into_parts(Policy::new("default")).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let (status, matched) = runtime.block_on(ask(&router, "GET", &path, ""));
            let expected = match status {
                StatusCode::OK => format!("GET {matched}"),
                _ => "default".to_owned(),
            };
            prop_assert_eq!(&*policy(&*registry, "GET", &path).name, expected);
        }
    }
}
