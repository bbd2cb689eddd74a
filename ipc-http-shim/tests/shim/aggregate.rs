//! One request that is answered by several.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Method, Request, Response, StatusCode, response};
use hyper::body::Incoming;
use ipc_http_shim::config::{Overrides, Question, explain};
use ipc_http_shim::upstream::Failure;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Barrier;

use crate::support::{Fake, Legacy, Running, Seen, api_key, get, text, try_config, within};

/// A document of a user and of its orders, which are calls.
const ROUTES: &str = r#"
[[routes]]
method = "GET"
path = "/both/{id}"
mode = "aggregate"
timeout = "20s"
parts = { user = "/users/{id}", orders = "/users/{id}/orders" }
required = ["user"]

[[routes]]
path = "/users/{id}"
service = "users"

[[routes]]
path = "/users/{id}/orders"
service = "orders"
timeout = "10s"
"#;

type Answer = Result<Response<Body>, Failure>;

fn document(body: &'static str) -> Answer {
    Ok(Response::new(Body::from(body)))
}

/// An answer with this status, of this type.
fn status(status: u16, content_type: &str, body: &'static str) -> Answer {
    let answer = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, content_type);
    Ok(answer.body(Body::from(body)).expect("it is valid"))
}

/// Services of which each part gets its own answer.
fn parts(user: fn() -> Answer, orders: fn() -> Answer) -> Fake {
    Fake::calls(move |seen| {
        let answer = if &*seen.service == "users" {
            user()
        } else {
            orders()
        };
        async { answer }
    })
}

async fn asked(shim: &Running, request: Request<Body>) -> (response::Parts, Value) {
    let (head, body) = within(shim.send(request)).await.into_parts();
    let told: String = within(text(Response::<Incoming>::new(body))).await;
    (
        head,
        serde_json::from_str(&told).unwrap_or(Value::String(told)),
    )
}

#[tokio::test]
async fn every_answer_is_a_member_of_one_document() {
    let fake = parts(
        || document(" {\"id\": 12345678901234567890.50}\n"),
        || document("[1, 2]"),
    );
    let shim = Running::start(ROUTES, fake).await;

    let answer = within(shim.send(get("/both/7"))).await;

    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    // Numbers keep their digits.
    assert_eq!(
        text(answer).await,
        "{\"orders\":[1, 2],\"user\":{\"id\": 12345678901234567890.50}}"
    );
    shim.counted(
        "ipc_shim_requests_total{route=\"GET /both/{id}\",mode=\"aggregate\",status=\"2xx\"} 1",
    )
    .await;
    shim.counted("ipc_shim_requests_total{route=\"/users/{id}\",mode=\"call\",status=\"2xx\"} 1")
        .await;
}

#[tokio::test]
async fn every_version_of_http_can_ask() {
    let shim = Running::start(ROUTES, parts(|| document("7"), || document("1"))).await;
    let told = "{\"orders\":1,\"user\":7}";

    let answer = within(shim.send_http2(get("/both/7"))).await;
    assert_eq!(text(answer).await, told);
    // Without a host.
    let answer = within(shim.send_raw(b"GET /both/7 HTTP/1.0\r\n\r\n")).await;
    assert!(answer.ends_with(told), "{answer}");
}

#[tokio::test]
async fn the_parts_are_asked_for_at_once() {
    let both = Arc::new(Barrier::new(2));
    let fake = Fake::calls(move |_| {
        let both = Arc::clone(&both);
        async move {
            both.wait().await;
            document("1")
        }
    });
    let shim = Running::start(ROUTES, fake).await;

    let (_, told) = asked(&shim, get("/both/7")).await;

    assert_eq!(told, json!({"user": 1, "orders": 1}));
}

#[tokio::test]
async fn a_part_is_asked_for_as_the_client_asked_but_for_what_is_its_own() {
    let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let fake = Fake::calls({
        let all = Arc::clone(&seen);
        move |seen| {
            all.lock().push(seen);
            async { document("null") }
        }
    });
    let shim = Running::start(ROUTES, fake).await;
    let request = Request::head("/both/a%20b?x=%20y")
        .header("x-tenant", "acme")
        .header("accept", "text/html")
        .header("accept-encoding", "gzip")
        .header("if-none-match", "\"1\"")
        .header("prefer", "respond-async")
        .body(Body::empty())
        .expect("it is valid");

    let answer = within(shim.send(request)).await;

    assert_eq!(answer.headers()["content-length"], "27");
    let mut seen = std::mem::take(&mut *seen.lock());
    seen.sort_by(|one, other| one.service.cmp(&other.service));
    let told: Vec<_> = seen
        .iter()
        .map(|seen| (seen.head.uri.to_string(), seen.timeout.as_secs()))
        .collect();
    assert_eq!(
        told,
        [
            ("/users/a%20b/orders?x=%20y".to_owned(), 10),
            ("/users/a%20b?x=%20y".to_owned(), 20)
        ]
    );
    for part in &seen {
        assert_eq!(part.head.method, Method::GET);
        let headers: &HeaderMap = &part.head.headers;
        assert_eq!(headers["x-tenant"], "acme");
        assert_eq!(headers["accept"], "application/json");
        for gone in ["accept-encoding", "if-none-match", "prefer"] {
            assert!(!headers.contains_key(gone), "{gone}");
        }
    }
}

#[tokio::test]
async fn a_part_that_failed_is_missing_with_the_reason() {
    let absent = || {
        Err(Failure::Absent {
            service: "orders".into(),
            retry_after: Duration::from_secs(3),
        })
    };
    let unreadable = |detail: &str| {
        json!({
            "type": "urn:ipc:problem:part-unreadable",
            "title": "the answer of a part is no document",
            "status": 502,
            "detail": detail,
        })
    };
    for (orders, reason) in [
        (
            absent as fn() -> Answer,
            json!({
                "type": "urn:ipc:problem:service-absent",
                "title": "the service is absent",
                "status": 503,
                "detail": "no instance of orders is there; nothing was sent",
            }),
        ),
        (
            || {
                status(
                    409,
                    "application/problem+json; charset=utf-8",
                    "{\"type\": \"urn:shop:closed\", \"status\": 409, \"until\": 8}",
                )
            },
            json!({"type": "urn:shop:closed", "status": 409, "until": 8}),
        ),
        (
            || status(404, "text/html", "<p>secret</p>"),
            json!({"type": "about:blank", "title": "Not Found", "status": 404}),
        ),
        (
            || status(500, "application/problem+json", "{"),
            json!({"type": "about:blank", "title": "Internal Server Error", "status": 500}),
        ),
        (|| document("{\"a\": }"), unreadable("its body is no JSON")),
        (
            || status(302, "text/plain", "there"),
            unreadable("its status is 302"),
        ),
    ] {
        let shim = Running::start(ROUTES, parts(|| document("7"), orders)).await;

        let (head, told) = asked(&shim, get("/both/7")).await;

        assert_eq!(head.status, StatusCode::OK);
        assert_eq!(told, json!({"user": 7, "missing": {"orders": reason}}));
    }
}

#[tokio::test]
async fn a_part_without_a_body_is_null_and_one_that_is_too_large_is_missing() {
    let limited = format!("[limits]\nbody = 10\n{ROUTES}");
    let fake = parts(
        || status(204, "text/plain", ""),
        || document("\"eleven byte\""),
    );
    let shim = Running::start(&limited, fake).await;

    let (_, told) = asked(&shim, get("/both/7")).await;

    assert_eq!(told["user"], Value::Null);
    let detail = &told["missing"]["orders"]["detail"];
    assert_eq!(*detail, "its body broke off, or has more than 10 bytes");
}

#[tokio::test]
async fn the_answer_of_a_required_part_that_is_missing_is_the_answer() {
    let fake = parts(|| status(404, "text/plain", "who?"), || document("1"));
    let shim = Running::start(ROUTES, fake).await;

    let (head, told) = asked(&shim, get("/both/7")).await;

    assert_eq!(head.status, StatusCode::NOT_FOUND);
    assert_eq!(head.headers[CONTENT_TYPE], "text/plain");
    assert_eq!(told, "who?");
}

#[tokio::test]
async fn where_nothing_is_there_the_answer_is_that_of_the_first_part() {
    let absent = || {
        Err(Failure::Absent {
            service: "orders".into(),
            retry_after: Duration::from_secs(3),
        })
    };
    let fake = parts(|| status(500, "text/plain", ""), absent);
    let any = ROUTES.replace("required = [\"user\"]\n", "");
    let shim = Running::start(&any, fake).await;

    let (head, told) = asked(&shim, get("/both/7")).await;

    assert_eq!(head.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(head.headers[RETRY_AFTER], "3");
    assert_eq!(told["type"], "urn:ipc:problem:service-absent");
}

#[tokio::test]
async fn a_part_that_is_late_is_missing_when_the_time_of_all_is_over() {
    let fake = Fake::calls(|seen| async move {
        if &*seen.service == "users" {
            return document("7");
        }
        std::future::pending().await
    });
    let short = ROUTES.replace("\"20s\"", "\"200ms\"");
    let shim = Running::start(&short, fake).await;

    let (_, told) = asked(&shim, get("/both/7")).await;

    assert_eq!(told["user"], 7);
    let missing = &told["missing"]["orders"];
    assert_eq!(missing["type"], "urn:ipc:problem:part-late");
    assert_eq!(missing["status"], 504);
}

#[tokio::test]
async fn each_part_asks_for_the_credentials_of_its_own_route() {
    let known = api_key("batch", "ipc_one");
    for of_all in ["none", "api_key"] {
        let routes = ROUTES
            .replace("mode =", &format!("auth = \"{of_all}\"\nmode ="))
            .replace(
                "service = \"orders\"",
                "auth = \"api_key\"\nscopes = [\"orders:read\"]\nservice = \"orders\"",
            );
        let fake = || parts(|| document("7"), || document("1"));
        let with_scope = format!("{known}scopes = [\"orders:read\"]\n{routes}");
        let with_key = || {
            let request = Request::get("/both/7").header("x-api-key", "ipc_one");
            request.body(Body::empty()).expect("it is valid")
        };

        let shim = Running::start(&with_scope, fake()).await;
        let (_, told) = asked(&shim, with_key()).await;
        assert_eq!(told, json!({"user": 7, "orders": 1}), "{of_all}");

        let shim = Running::start(&format!("{known}{routes}"), fake()).await;
        let (_, told) = asked(&shim, with_key()).await;
        assert_eq!(told["missing"]["orders"]["status"], 403, "{of_all}");
    }
}

#[tokio::test]
async fn a_part_may_be_a_legacy_route_or_one_that_moves() {
    let old = Router::new().fallback(|| async { ([(CONTENT_TYPE, "text/plain")], "\"old\"") });
    let old = Legacy::start(old).await;
    for (stage, told) in [("legacy", "old"), ("kafka", "new")] {
        let routes = ROUTES
            .replace("service = \"users\"", "mode = \"legacy\"")
            .replace(
                "service = \"orders\"",
                &format!("service = \"orders\"\nmigration.steps = [\"{stage}\"]"),
            );
        let fake = parts(|| document("0"), || document("\"new\""));
        let shim = Running::start_before(&routes, fake, old.address).await;

        let (_, document) = asked(&shim, get("/both/7")).await;

        assert_eq!(document, json!({"user": "old", "orders": told}));
    }
}

#[tokio::test]
async fn an_aggregate_that_a_value_leads_into_itself_is_refused() {
    let routes = r#"
[[routes]]
method = "GET"
path = "/{id}"
mode = "aggregate"
parts = { one = "/{id}/x", two = "/u/{id}" }

[[routes]]
method = "GET"
path = "/u/u"
mode = "aggregate"
parts = { one = "/a/x" }

[[routes]]
path = "/{id}/{rest}"
service = "users"
"#;
    let shim = Running::start(routes, Fake::calls(|_| async { document("1") })).await;

    let (_, told) = asked(&shim, get("/a")).await;
    assert_eq!(told, json!({"one": 1, "two": 1}));
    let (_, told) = asked(&shim, get("/u")).await;

    assert_eq!(told["one"], 1);
    let missing = &told["missing"]["two"];
    assert_eq!(missing["type"], "urn:ipc:problem:aggregate-in-aggregate");
}

#[tokio::test]
async fn a_value_that_leaves_the_path_of_a_part_is_400() {
    let shim = Running::start(ROUTES, Fake::silent()).await;

    let (head, told) = asked(&shim, get("/both/%2e%2e")).await;

    assert_eq!(head.status, StatusCode::BAD_REQUEST);
    assert_eq!(told["type"], "urn:ipc:problem:path-escapes");
}

#[tokio::test]
async fn a_post_goes_to_no_aggregate() {
    let shim = Running::start(ROUTES, Fake::silent()).await;
    let post = Request::post("/both/7").body(Body::empty());

    let (head, _) = asked(&shim, post.expect("it is valid")).await;

    assert_eq!(head.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[test]
fn what_cannot_be_an_aggregate_is_told_with_its_mend() {
    let aggregate = |lines: &str| {
        let text = format!(
            "kafka.\"bootstrap.servers\" = \"a:1\"\n\
             [[routes]]\npath = \"/s/{{id}}\"\nservice = \"s\"\nmode = \"stream\"\n\
             [[routes]]\npath = \"/c/{{id}}\"\nservice = \"c\"\n\
             [[routes]]\nmode = \"aggregate\"\npath = \"/a/{{id}}\"\n{lines}"
        );
        let mistakes = try_config(&text).expect_err("it is a mistake");
        mistakes.to_string()
    };
    for (lines, told) in [
        (
            "parts = { a = \"/c/1\" }",
            "11:8: path \"/a/{id}\" is an aggregate, which asks and changes nothing: \
             write method = \"GET\"",
        ),
        (
            "method = \"GET\"",
            "11:8: path \"/a/{id}\" is an aggregate of 0 parts: \
             name 1 to 32, as in parts = { user = \"/users/{id}\" }",
        ),
        (
            "method = \"GET\"\nparts = { a = \"/c/{idd}\" }",
            "13:15: a names \"idd\", which the path has no parameter for: did you mean \"id\"?",
        ),
        (
            "method = \"GET\"\nparts = { a = \"/s/{id}\" }",
            "11:8: path \"/a/{id}\" has a part \"a\" that goes to the route for \"/s/{id}\": \
             name the path of a call, or of a legacy route",
        ),
        (
            "method = \"GET\"\nparts = { a = \"/a/{id}\" }",
            "11:8: path \"/a/{id}\" has a part \"a\" that goes to the route for \"/a/{id}\": \
             name the path of a call, or of a legacy route",
        ),
        (
            "method = \"GET\"\nparts = { a = \"/d\" }",
            "11:8: path \"/a/{id}\" has a part \"a\" at \"/d\", which no route takes: \
             add a route for it, or legacy = \"http://host:port\"",
        ),
        (
            "method = \"GET\"\nparts = { missing = \"/c/1\" }",
            "11:8: path \"/a/{id}\" has a part \"missing\" where it is told what is missing: \
             choose another name",
        ),
        (
            "method = \"GET\"\nparts = { user = \"/c/1\" }\nrequired = [\"usr\"]",
            "14:12: required names \"usr\", which is no part: did you mean \"user\"?",
        ),
        (
            "method = \"GET\"\nparts = { a = \"/c/1\" }\nkey = \"none\"",
            "14:7: key says nothing on a route with mode \"aggregate\": \
             remove it, or choose another mode",
        ),
        (
            "method = \"GET\"\nparts = { a = \"/c/1\" }\nmigration = {}",
            "14:13: a route with mode \"aggregate\" does not move: \
             let the routes move that its parts go to",
        ),
    ] {
        let mistakes = aggregate(lines);
        assert!(
            mistakes.contains(&format!("shim.toml:{told}")),
            "{lines}\n{mistakes}"
        );
    }
}

#[test]
fn what_a_request_becomes_is_explained() {
    let text = format!("kafka.\"bootstrap.servers\" = \"a:1\"\n{ROUTES}");
    let question = Question::parse("GET", "/both/7").expect("it can be asked");

    let told = explain("shim.toml", &text, &Overrides::default(), &question);

    let told = told.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let told: Vec<&str> = told.lines().skip(1).take(5).collect();
    assert_eq!(
        told,
        [
            "route: GET /both/{id}, at shim.toml:3",
            "goes to: the routes of its parts, mode aggregate",
            "part \"orders\": GET /users/7/orders",
            "part \"user\": GET /users/7, required",
            "timeout: 20s, from shim.toml:7",
        ]
    );
}
