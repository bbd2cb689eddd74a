//! Services that fail, and are not asked for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Method, Request, Response, StatusCode};
use ipc_http_shim::upstream::Failure;
use parking_lot::Mutex;
use tokio::time::{interval, timeout};

use crate::support::{Fake, Legacy, Running, correlation_id, get, post, running_config, text};

/// Far beyond what anything here takes; it only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// Opens soon, and not for long.
const QUICK: &str = "[breaker]\nwindow = \"1s\"\nconsecutive = 3\nopen = \"100ms\"\n";
const ROUTE: &str = "[[routes]]\npath = \"/a\"\nservice = \"orders\"\n";
const MOVED: &str = "[routes.migration]\nsteps = [\"kafka\"]\nfallback = \"legacy\"\n";

/// How a request ends.
type End = fn() -> Result<Response<Body>, Failure>;

/// A service that answers with what it is told to, and how often it was asked.
#[derive(Clone)]
struct Service {
    ends: Arc<Mutex<End>>,
    asked: Arc<AtomicUsize>,
}

impl Service {
    fn new(ends: End) -> Self {
        Self {
            ends: Arc::new(Mutex::new(ends)),
            asked: Arc::default(),
        }
    }

    fn now(&self, ends: End) {
        *self.ends.lock() = ends;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    fn fake(&self) -> Fake {
        let this = self.clone();
        Fake::calls(move |_| {
            this.asked.fetch_add(1, Ordering::Relaxed);
            let end = (*this.ends.lock())();
            async move { end }
        })
    }
}

fn well() -> Result<Response<Body>, Failure> {
    Ok(Response::new(Body::from("new")))
}

fn failing() -> Result<Response<Body>, Failure> {
    let response = Response::builder().status(500).body(Body::empty());
    Ok(response.expect("it is valid"))
}

fn absent() -> Result<Response<Body>, Failure> {
    Err(Failure::Absent {
        service: "orders".into(),
        retry_after: Duration::from_secs(3),
    })
}

fn silent() -> Result<Response<Body>, Failure> {
    Err(Failure::Unknown {
        correlation_id: correlation_id(),
    })
}

/// An answer, read to its end.
async fn ask(shim: &Running, request: Request<Body>) -> Response<String> {
    let (head, body) = shim.send(request).await.into_parts();
    let body = text(Response::from_parts(head.clone(), body)).await;
    Response::from_parts(head, body)
}

/// Asks again and again until an answer is as it should be.
async fn until(shim: &Running, enough: impl Fn(&Response<String>) -> bool) -> Response<String> {
    let asking = async {
        let mut turns = interval(Duration::from_millis(20));
        loop {
            turns.tick().await;
            let answer = ask(shim, get("/a")).await;
            if enough(&answer) {
                return answer;
            }
        }
    };
    timeout(PATIENCE, asking).await.expect("it comes about")
}

fn is_refused(answer: &Response<String>) -> bool {
    answer.body().contains("urn:ipc:problem:breaker-open")
}

async fn metrics(shim: &Running) -> String {
    text(shim.probe("/metrics").await).await
}

#[tokio::test]
async fn a_service_that_fails_is_not_asked_for_a_while_and_then_again() {
    let service = Service::new(failing);
    let config = format!("{QUICK}mode = \"on\"\n{ROUTE}");
    let shim = Running::start(&config, service.fake()).await;

    let refused = until(&shim, is_refused).await;

    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        refused.headers()["content-type"],
        "application/problem+json"
    );
    assert_eq!(refused.headers()["retry-after"], "1");
    assert!(refused.body().contains("nothing was sent"), "{refused:?}");
    let told = metrics(&shim).await;
    for line in [
        "ipc_shim_breaker_refused_total{route=\"/a\",backend=\"service\",reason=\"open\"}",
        "ipc_shim_breaker_opened_total{route=\"/a\",backend=\"service\"}",
    ] {
        assert!(told.contains(line), "{line} is not in\n{told}");
    }
    service.now(well);
    let answer = until(&shim, |answer| answer.status() == StatusCode::OK).await;
    assert_eq!(answer.body(), "new");
    assert!(
        metrics(&shim)
            .await
            .contains("ipc_shim_breaker_probes_total")
    );
}

#[tokio::test]
async fn without_a_word_of_it_a_breaker_counts_what_it_would_refuse_and_refuses_nothing() {
    let service = Service::new(failing);
    let shim = Running::start(&format!("{QUICK}{ROUTE}"), service.fake()).await;

    let asking = async {
        let mut sent = 0;
        let would = "ipc_shim_breaker_would_have_refused_total{route=\"/a\",backend=\"service\"";
        loop {
            sent += 1;
            let answer = ask(&shim, get("/a")).await;
            assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
            let told = metrics(&shim).await;
            let would = told.lines().filter(|line| line.starts_with(would));
            if would.into_iter().any(|line| !line.ends_with(" 0")) {
                return (sent, told);
            }
        }
    };
    let (sent, told) = timeout(PATIENCE, asking).await.expect("it comes about");

    assert_eq!(service.asked(), sent);
    assert!(
        told.contains("ipc_shim_breaker_would_have_opened_total"),
        "{told}"
    );
    assert!(!told.contains("ipc_shim_breaker_opened_total"), "{told}");
}

#[tokio::test]
async fn a_route_can_do_without_a_breaker() {
    let service = Service::new(absent);
    let config = format!("{ROUTE}[routes.breaker]\nmode = \"off\"\n");
    let shim = Running::start(&config, service.fake()).await;

    for asked in 1..5 {
        ask(&shim, get("/a")).await;
        assert_eq!(service.asked(), asked);
    }

    assert!(!metrics(&shim).await.contains("ipc_shim_breaker"));
}

#[tokio::test]
async fn answers_that_say_the_request_was_wrong_are_good_answers() {
    let service = Service::new(|| {
        let response = Response::builder().status(404).body(Body::empty());
        Ok(response.expect("it is valid"))
    });
    let config = format!("{QUICK}mode = \"on\"\n{ROUTE}");
    let shim = Running::start(&config, service.fake()).await;

    for _ in 0..50 {
        let answer = ask(&shim, get("/a")).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    }

    let state = "ipc_shim_breaker_state{route=\"/a\",backend=\"service\"} 0\n";
    assert!(metrics(&shim).await.contains(state));
}

#[tokio::test]
async fn a_service_that_nobody_serves_is_asked_again_within_a_second() {
    let service = Service::new(absent);
    let config = format!("{ROUTE}[routes.breaker]\nmode = \"on\"\n");
    let shim = Running::start(&config, service.fake()).await;

    let first = ask(&shim, get("/a")).await;
    assert!(first.body().contains("urn:ipc:problem:service-absent"));
    let second = ask(&shim, get("/a")).await;

    assert!(is_refused(&second), "{second:?}");
    assert_eq!(second.headers()["retry-after"], "1");
    assert_eq!(service.asked(), 1);
    service.now(well);
    let answer = until(&shim, |answer| !is_refused(answer)).await;
    assert_eq!(answer.body(), "new");
}

#[tokio::test]
async fn the_legacy_upstream_answers_for_a_service_that_is_not_asked() {
    let old = Legacy::start(Router::new().fallback(async || "old")).await;
    let service = Service::new(absent);
    let config = format!("{ROUTE}[routes.breaker]\nmode = \"on\"\n{MOVED}");
    let shim = Running::start_before(&config, service.fake(), old.address).await;

    // Nothing was sent, so that what is not safe to repeat can go there, too.
    for method in [Method::GET, Method::POST, Method::POST] {
        let mut request = post("/a", "tea");
        *request.method_mut() = method;
        let answer = ask(&shim, request).await;
        assert_eq!(
            (answer.status(), answer.body().as_str()),
            (StatusCode::OK, "old")
        );
    }

    assert_eq!(service.asked(), 1);
}

#[tokio::test]
async fn a_legacy_upstream_that_fails_as_well_is_left_alone() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&asked);
    let fail = async move || {
        counting.fetch_add(1, Ordering::Relaxed);
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let old = Legacy::start(Router::new().fallback(fail)).await;
    let service = Service::new(absent);
    let config = format!("{QUICK}mode = \"on\"\n{ROUTE}{MOVED}");
    let shim = Running::start_before(&config, service.fake(), old.address).await;

    // The legacy upstream's own failure first; then what the service came to.
    let first = ask(&shim, get("/a")).await;
    assert_eq!(first.status(), StatusCode::INTERNAL_SERVER_ERROR);
    until(&shim, |answer| {
        answer.status() == StatusCode::SERVICE_UNAVAILABLE
    })
    .await;

    let told = metrics(&shim).await;
    let opened = "ipc_shim_breaker_opened_total{route=\"/a\",backend=\"fallback\"}";
    assert!(told.contains(opened), "{told}");
    assert!(asked.load(Ordering::Relaxed) >= 3);
}

#[tokio::test]
async fn few_requests_that_had_no_answer_are_asked_a_second_time() {
    let old = Legacy::start(Router::new().fallback(async || "old")).await;
    let service = Service::new(silent);
    let config = format!("{ROUTE}{MOVED}");
    let shim = Running::start_before(&config, service.fake(), old.address).await;

    let mut answered = 0;
    let asking = async {
        loop {
            let answer = ask(&shim, get("/a")).await;
            if answer.status() == StatusCode::GATEWAY_TIMEOUT {
                return;
            }
            assert_eq!(answer.body(), "old");
            answered += 1;
        }
    };
    timeout(PATIENCE, asking).await.expect("the budget ends");

    assert!(answered >= 10, "{answered}");
    let told = metrics(&shim).await;
    let over = "ipc_shim_fallbacks_over_budget_total{route=\"/a\"} 1\n";
    assert!(told.contains(over), "{told}");
    // One that was not sent is no second time.
    service.now(|| {
        Err(Failure::Rejected {
            reason: "no".to_owned(),
            retry_after: Duration::from_secs(1),
        })
    });
    assert_eq!(ask(&shim, get("/a")).await.body(), "old");
}

#[tokio::test]
async fn a_breaker_goes_on_through_a_change_of_other_routes() {
    let service = Service::new(absent);
    let config = "[[routes]]\npath = \"/a\"\nservice = \"orders\"\n\
                  [routes.breaker]\nmode = \"on\"\nopen = \"1m\"\n";
    let shim = Running::start(config, service.fake()).await;
    ask(&shim, get("/a")).await;
    let other = format!("{config}[[routes]]\npath = \"/b\"\nservice = \"orders\"\n");

    let mut changed = running_config(&other);
    changed.listen = running_config(config).listen;
    shim.live.change(&changed).expect("it is taken over");

    assert!(is_refused(&ask(&shim, get("/a")).await));
    assert_eq!(service.asked(), 1);
}
