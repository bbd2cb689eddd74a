//! How many requests are taken in how much time.

use http::{Request, StatusCode};

use axum::Router;
use axum::body::Body;

use crate::support::{Fake, Legacy, Running, get, running_config, text};

const ROUTES: &str = "[[routes]]\npath = \"/a\"\nservice = \"orders\"\n";

fn served() -> Fake {
    Fake::telling(|_| "served".to_owned())
}

/// A request that a proxy says to be from this client.
fn from(client: &str, path: &str) -> Request<Body> {
    let mut request = get(path);
    let client = client.parse().expect("it is a value");
    request.headers_mut().insert("x-forwarded-for", client);
    request
}

#[tokio::test]
async fn over_its_rate_a_route_answers_429_and_says_when_it_will_not() {
    let text_of = format!("{ROUTES}rate.total = \"2/h\"\n");
    let shim = Running::start(&text_of, served()).await;

    for left in ["1", "0"] {
        let answer = shim.send(get("/a")).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(
            answer.headers()["ratelimit-policy"],
            "\"route-total\";q=2;w=3600"
        );
        let told = format!("\"route-total\";r={left};t=1800");
        assert_eq!(answer.headers()["ratelimit"], told);
    }
    let refused = shim.send(get("/a")).await;

    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        refused.headers()["content-type"],
        "application/problem+json"
    );
    let wait = refused.headers()["retry-after"].to_str().expect("text");
    assert!((1..=1800).contains(&wait.parse().unwrap_or(0)), "{wait}");
    let told = format!("\"route-total\";r=0;t={wait}");
    assert_eq!(refused.headers()["ratelimit"], told);
    assert!(text(refused).await.contains("urn:ipc:problem:rate-limited"));
    let metrics = text(shim.probe("/metrics").await).await;
    let line = "ipc_shim_limited_total{route=\"/a\",limit=\"route-total\"} 1";
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test]
async fn a_rate_of_all_routes_holds_for_the_legacy_server_too() {
    let legacy = Legacy::start(Router::new().fallback(async || "old")).await;
    let limits = format!("[limits.rate]\naddress = \"2/h\"\n{ROUTES}");
    let shim = Running::start_before(&limits, served(), legacy.address).await;

    assert_eq!(shim.send(get("/a")).await.status(), StatusCode::OK);
    assert_eq!(shim.send(get("/old")).await.status(), StatusCode::OK);

    let refused = shim.send(get("/old")).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn without_rates_nothing_is_told_of_them() {
    let shim = Running::start(ROUTES, served()).await;

    let answer = shim.send(get("/a")).await;

    assert!(!answer.headers().contains_key("ratelimit"));
    assert!(!answer.headers().contains_key("ratelimit-policy"));
}

#[tokio::test]
async fn a_client_is_who_a_trusted_proxy_says_and_nobody_elses_word_counts() {
    let rate = format!("{ROUTES}rate.address = \"1/h\"\n");
    let trusting = format!("trusted_proxies = [\"127.0.0.0/8\"]\n{rate}");

    let shim = Running::start(&trusting, served()).await;
    for client in ["198.51.100.1", "198.51.100.2", "6.6.6.6, 198.51.100.3"] {
        let answer = shim.send(from(client, "/a")).await;
        assert_eq!(answer.status(), StatusCode::OK, "{client}");
    }
    let again = shim.send(from("7.7.7.7, 198.51.100.3", "/a")).await;
    assert_eq!(again.status(), StatusCode::TOO_MANY_REQUESTS);

    let shim = Running::start(&rate, served()).await;
    assert_eq!(
        shim.send(from("198.51.100.1", "/a")).await.status(),
        StatusCode::OK
    );
    let other = shim.send(from("198.51.100.2", "/a")).await;
    assert_eq!(other.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_change_of_the_configuration_keeps_what_was_counted_by_rates_that_stay() {
    let rate = |rate: &str, more: &str| format!("{more}{ROUTES}rate.total = \"{rate}\"\n");
    let shim = Running::start(&rate("1/h", ""), served()).await;
    assert_eq!(shim.send(get("/a")).await.status(), StatusCode::OK);

    let other = running_config(&rate("1/h", "timeout = \"5s\"\n"));
    shim.live.change(&other).expect("it is in order");
    let refused = shim.send(get("/a")).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);

    let other = running_config(&rate("2/h", ""));
    shim.live.change(&other).expect("it is in order");
    assert_eq!(shim.send(get("/a")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_request_is_told_all_limits_in_one_list_and_a_change_of_one_keeps_the_others() {
    let rates = |of_route: &str| {
        let of_all = "[limits.rate]\ntotal = \"3/h\"\n";
        format!("{of_all}{ROUTES}rate.total = \"{of_route}\"\n")
    };
    let shim = Running::start(&rates("10/h"), served()).await;

    let answer = shim.send(get("/a")).await;
    let told: Vec<_> = answer.headers().get_all("ratelimit").iter().collect();
    assert_eq!(
        told,
        ["\"gateway-total\";r=2;t=1200, \"route-total\";r=9;t=360"]
    );
    let other = running_config(&rates("20/h"));
    shim.live.change(&other).expect("it is in order");

    let answer = shim.send(get("/a")).await;
    assert_eq!(
        answer.headers()["ratelimit"],
        "\"gateway-total\";r=1;t=1200, \"route-total\";r=19;t=180"
    );
}
