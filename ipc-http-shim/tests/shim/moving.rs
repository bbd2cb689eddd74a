//! Routes that move from the legacy upstream to their service.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, Response, StatusCode, Uri};
use ipc_http_shim::upstream::Failure;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};

use crate::support::{Fake, Legacy, Running, correlation_id, get, post, text};

/// Far beyond what anything here takes; it only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_secs(60);

fn json(body: &str) -> Response<Body> {
    Response::builder()
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_owned()))
        .expect("the answer is valid")
}

fn route(migration: &str) -> String {
    format!(
        "[[routes]]\npath = \"/orders/{{id}}\"\nservice = \"orders\"\n[routes.migration]\n{migration}"
    )
}

/// A request that Kafka could not take.
fn unsent() -> Failure {
    Failure::Rejected {
        reason: "no".to_owned(),
        retry_after: Duration::from_secs(1),
    }
}

/// A legacy server that answers everything with this document.
async fn legacy(body: &'static str) -> Legacy {
    Legacy::start(Router::new().fallback(async move || json(body))).await
}

/// What `/admin/migration` says of the first route, once `enough` does.
async fn status(shim: &Running, enough: impl Fn(&Value) -> bool) -> Value {
    let asking = async {
        let mut turns = interval(Duration::from_millis(20));
        loop {
            turns.tick().await;
            let told = text(shim.probe("/admin/migration").await).await;
            let told: Value = serde_json::from_str(&told).expect("it is JSON");
            if enough(&told["routes"][0]) {
                return told["routes"][0].clone();
            }
        }
    };
    timeout(PATIENCE, asking).await.expect("it comes about")
}

#[tokio::test]
async fn a_shadow_is_compared_and_its_client_sees_the_legacy_answer() {
    let old = legacy("{\"total\": 1, \"name\": \"Ann\"}").await;
    let (told, mut seen) = mpsc::channel(2);
    let fake = Fake::calls(move |request| {
        let answer = match request.head.uri.path() {
            "/orders/1" => "{\"name\":\"Ann\",\"total\":1}",
            _ => "{\"name\":\"Ann\",\"total\":2}",
        };
        told.try_send(request).expect("somebody listens");
        async move { Ok(json(answer)) }
    });
    let config =
        route("steps = [\"shadow\", \"kafka\"]\n[routes.migration.compare]\nshow = [\"/total\"]\n");
    let shim = Running::start_before(&config, fake, old.address).await;

    for path in ["/orders/1", "/orders/2"] {
        let mut request = get(path);
        let key = "op-1".parse().expect("it is a value");
        request.headers_mut().insert("idempotency-key", key);
        let answer = shim.send(request).await;
        assert_eq!(text(answer).await, "{\"total\": 1, \"name\": \"Ann\"}");
    }
    let status = status(&shim, |route| route["counts"]["compared"] == 2).await;

    assert_eq!(status["name"], "/orders/{id}");
    assert_eq!(status["stage"], "shadow");
    assert_eq!(status["counts"]["differ_json"], 1);
    assert_eq!(status["counts"]["legacy"], 2);
    let metrics = text(shim.probe("/metrics").await).await;
    for line in [
        "ipc_shim_shadows_total{route=\"/orders/{id}\",result=\"same\"} 1",
        "ipc_shim_shadows_total{route=\"/orders/{id}\",result=\"json\"} 1",
        "ipc_shim_migration_shadowed{route=\"/orders/{id}\"} 1",
        "ipc_shim_migration_percent{route=\"/orders/{id}\"} 0",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    let sample = &status["samples"][0];
    assert_eq!(sample["class"], "json");
    let total = serde_json::json!({"place": "/total", "legacy": "1", "kafka": "2"});
    assert_eq!(sample["differences"], serde_json::json!([total]));
    for _ in 0..2 {
        let request = seen.recv().await.expect("it was asked");
        assert!(request.shadow);
        // What a service stores of a copy must not answer the request itself.
        assert_eq!(request.head.headers["idempotency-key"], "shadow:op-1");
    }
}

#[tokio::test]
async fn a_method_that_changes_something_is_not_shadowed_unless_the_route_says_so() {
    let old = legacy("{}").await;
    for (more, shadows) in [("", 0), ("shadow = \"every\"\n", 1)] {
        let fake = Fake::calls(async |request| {
            assert_eq!(request.body, "tea");
            Ok(json("{}"))
        });
        let config = route(&format!("steps = [\"shadow\", \"kafka\"]\n{more}"));
        let shim = Running::start_before(&config, fake, old.address).await;

        let answer = shim.send(post("/orders/1", "tea")).await;

        assert_eq!(text(answer).await, "{}");
        let told = status(&shim, |route| {
            route["counts"]["legacy"] == 1 && route["counts"]["compared"] == shadows
        });
        assert_eq!(told.await["counts"]["kafka"], shadows);
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_for_a_copy_passes_and_is_not_compared() {
    let old = legacy("{}").await;
    let config = route("steps = [\"shadow\"]\nshadow = \"every\"\n");
    let config = format!("{config}[limits]\nbody = 3\n");
    let shim = Running::start_before(&config, Fake::silent(), old.address).await;

    let answer = shim.send(post("/orders/1", "too large")).await;

    assert_eq!(answer.status(), StatusCode::OK);
    status(&shim, |route| route["counts"]["not_compared"] == 1).await;
}

#[tokio::test]
async fn one_key_is_on_one_side_whatever_its_method() {
    let old = legacy("legacy").await;
    let fake = Fake::calls(async |_| Ok(json("kafka")));
    let shim = Running::start_before(&route("steps = [\"50%\"]\n"), fake, old.address).await;

    let mut sides = Vec::new();
    for id in 0..40 {
        let path = format!("/orders/{id}");
        let first = text(shim.send(get(&path)).await).await;
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let request = Request::builder().method(method).uri(&path);
            let request = request.body(Body::empty()).expect("it is valid");
            assert_eq!(text(shim.send(request).await).await, first, "{path}");
        }
        sides.push(first);
    }

    assert!(sides.contains(&"kafka".to_owned()), "{sides:?}");
    assert!(sides.contains(&"legacy".to_owned()), "{sides:?}");
}

#[tokio::test]
async fn the_legacy_upstream_answers_only_what_was_not_executed_or_may_be_twice() {
    let absent: fn() -> Failure = || Failure::Absent {
        service: "orders".into(),
        retry_after: Duration::from_secs(1),
    };
    let unknown = || Failure::Unknown {
        correlation_id: correlation_id(),
    };
    for (is_unsent, method, expected) in [
        (true, Method::POST, 200),
        (false, Method::PUT, 200),
        (false, Method::GET, 200),
        (false, Method::POST, 504),
    ] {
        let failure = if is_unsent { absent } else { unknown };
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&bodies);
        let tell = async move |body: String| taken.lock().push(body);
        let old = Legacy::start(Router::new().fallback(tell)).await;
        let fake = Fake::calls(move |_| async move { Err(failure()) });
        let config = route("steps = [\"kafka\"]\nfallback = \"legacy\"\n");
        let shim = Running::start_before(&config, fake, old.address).await;

        let request = Request::builder().method(method.clone()).uri("/orders/1");
        let request = request.body(Body::from("tea")).expect("it is valid");
        let answer = shim.send(request).await;

        assert_eq!(answer.status().as_u16(), expected, "{method}");
        let fell_back = u8::from(expected == 200);
        let told = status(&shim, |route| route["counts"]["kafka"] == 1).await;
        assert_eq!(told["counts"]["fell_back"], fell_back, "{method}");
        assert_eq!(bodies.lock().len(), usize::from(fell_back), "{method}");
        assert!(bodies.lock().iter().all(|body| body == "tea"));
    }
}

#[tokio::test]
async fn without_a_fallback_a_failure_is_the_answer() {
    let old = legacy("{}").await;
    let fake = Fake::calls(async |_| Err(unsent()));
    let shim = Running::start_before(&route("steps = [\"kafka\"]\n"), fake, old.address).await;

    assert_eq!(shim.send(get("/orders/1")).await.status(), 503);
    let told = status(&shim, |route| route["counts"]["kafka"] == 1).await;
    assert_eq!(told["counts"]["kafka_failed"], 1);
}

#[tokio::test]
async fn a_page_shows_it_and_asks_nobody_else() {
    let old = legacy("{}").await;
    let shim =
        Running::start_before(&route("steps = [\"kafka\"]\n"), Fake::silent(), old.address).await;

    let page = shim.probe("/admin/migration.html").await;

    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let policy = page.headers()["content-security-policy"].to_str();
    let policy = policy.expect("it is text").to_owned();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'"),
        "{policy}"
    );
    assert!(text(page).await.contains("src=\"/admin/migration.js\""));
    let script = text(shim.probe("/admin/migration.js").await).await;
    let told = status(&shim, |_| true).await;
    let counts = told["counts"].as_object().expect("it is an object");
    // What the script counts by name is told under this name.
    for (name, _) in counts
        .iter()
        .filter(|(name, _)| !name.starts_with("differ_"))
    {
        assert!(script.contains(&format!("[\"{name}\",")), "{name}");
    }
}

/// A route that moves to a service that wants other requests.
fn rewritten(migration: &str) -> String {
    format!(
        "[[routes]]\npath = \"/orders/{{id}}\"\nservice = \"orders\"\nrewrite = \"/v2/{{id}}\"\n\
         request_headers = {{ set = {{ x-tenant = \"acme\" }}, remove = [\"x-old\"] }}\n\
         response_headers.set = {{ x-from = \"orders\" }}\n\
         [routes.migration]\n{migration}"
    )
}

/// What arrived: its path, and the two headers that the route changes.
fn arrived(path: &str, headers: &HeaderMap) -> String {
    let told = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    format!("{path} {:?} {:?}", told("x-tenant"), told("x-old"))
}

const AS_IT_CAME: &str = "/orders/7 None Some(\"1\")";
const REWRITTEN: &str = "/v2/7 Some(\"acme\") None";

/// A legacy server that tells what arrived.
async fn telling() -> Legacy {
    let tell = async |uri: Uri, headers: HeaderMap| {
        ([("x-from", "orders")], arrived(uri.path(), &headers))
    };
    Legacy::start(Router::new().fallback(tell)).await
}

fn request() -> Request<Body> {
    let request = Request::get("/orders/7").header("x-old", "1");
    request.body(Body::empty()).expect("it is valid")
}

#[tokio::test]
async fn a_copy_is_rewritten_and_compared_as_its_client_would_get_it() {
    let old = telling().await;
    let (told, mut seen) = mpsc::channel(1);
    let fake = Fake::telling(move |request| {
        told.try_send(request).expect("somebody listens");
        AS_IT_CAME.to_owned()
    });
    let config = "steps = [\"shadow\"]\ncompare.headers = [\"x-from\"]\n";
    let shim = Running::start_before(&rewritten(config), fake, old.address).await;

    let answer = text(shim.send(request()).await).await;

    assert_eq!(answer, AS_IT_CAME);
    let told = status(&shim, |route| route["counts"]["compared"] == 1).await;
    assert_eq!(told["samples"], serde_json::json!([]));
    let copy = seen.recv().await.expect("it was asked").head;
    assert_eq!(arrived(copy.uri.path(), &copy.headers), REWRITTEN);
}

#[tokio::test]
async fn what_the_legacy_upstream_answers_instead_is_changed_neither_way() {
    let old = telling().await;
    let failing = || Fake::calls(async |_| Err(unsent()));
    let config = rewritten("steps = [\"kafka\"]\nfallback = \"legacy\"\n");
    let shim = Running::start_before(&config, failing(), old.address).await;
    let answer = shim.send(request()).await;
    assert_eq!(text(answer).await, AS_IT_CAME);

    let config = rewritten("steps = [\"kafka\"]\n");
    let shim = Running::start_before(&config, failing(), old.address).await;
    let answer = shim.send(request()).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["x-from"], "orders");
}

#[tokio::test]
async fn on_kafka_the_service_gets_the_rewritten_request() {
    let old = telling().await;
    for config in ["", "fallback = \"legacy\"\n"] {
        let fake = Fake::telling(|seen| arrived(seen.head.uri.path(), &seen.head.headers));
        let config = rewritten(&format!("steps = [\"kafka\"]\n{config}"));
        let shim = Running::start_before(&config, fake, old.address).await;

        let answer = shim.send(request()).await;

        assert_eq!(answer.headers()["x-from"], "orders");
        assert_eq!(text(answer).await, REWRITTEN);
    }
}

#[tokio::test]
async fn a_path_that_cannot_be_rewritten_still_reaches_the_legacy_upstream() {
    let old = telling().await;
    // As long as a target can be, and the rewrite adds to it.
    let path = format!("/orders/{}", "a".repeat(65_526));
    for (step, expected) in [("shadow", 200), ("kafka", 414)] {
        let config = rewritten(&format!("steps = [\"{step}\"]\n"));
        let config = config.replace("/v2/", "/version/2/");
        let config = format!("[limits]\nurl = 65534\n{config}");
        let shim = Running::start_before(&config, Fake::silent(), old.address).await;

        let answer = shim.send(get(&path)).await;

        assert_eq!(answer.status().as_u16(), expected);
        let not_compared = u8::from(step == "shadow");
        let told = status(&shim, |_| true).await;
        assert_eq!(told["counts"]["not_compared"], not_compared);
    }
}
