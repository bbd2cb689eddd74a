//! Rates that all replicas count together, in a real Redis.

use std::net::SocketAddr;

use harness::PrivateRedis;
use http::{Response, StatusCode};
use hyper::body::Incoming;

use crate::support::{Fake, Running, file, get, text, try_config, within};

fn served() -> Fake {
    Fake::telling(|_| "served".to_owned())
}

const PROXY: &str = "trusted_proxies = [\"127.0.0.1\"]\n";

/// What a request is answered that a proxy says to be from this client.
async fn from(shim: &Running, client: &str) -> Response<Incoming> {
    let mut request = get("/a");
    let client = client.parse().expect("it is a value");
    request.headers_mut().insert("x-forwarded-for", client);
    within(shim.send(request)).await
}

fn routes(redis: SocketAddr, rate: &str) -> String {
    format!(
        "[shared_rates]\nredis = \"redis://{redis}\"\nwithin = \"5s\"\n\
         [[routes]]\npath = \"/a\"\nservice = \"orders\"\nrate.total = \"{rate}\"\n"
    )
}

async fn redis() -> PrivateRedis {
    let started = within(PrivateRedis::start(&[])).await;
    started.expect("a redis starts")
}

async fn status(shim: &Running) -> StatusCode {
    within(shim.send(get("/a"))).await.status()
}

async fn counted_alone(shim: &Running) -> bool {
    let metrics = text(within(shim.probe("/metrics")).await).await;
    !metrics.contains("ipc_shim_rates_counted_alone_total 0\n")
}

#[tokio::test]
async fn replicas_let_through_together_what_one_rate_allows() {
    let redis = redis().await;
    let config = routes(redis.address(), "3/h");
    let one = Running::start(&config, served()).await;
    let other = Running::start(&config, served()).await;

    for (shim, left) in [(&one, 2), (&other, 1), (&one, 0)] {
        let answer = within(shim.send(get("/a"))).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let told = format!("\"route-total\";r={left};t=1200");
        assert_eq!(answer.headers()["ratelimit"], told);
    }
    for shim in [&one, &other] {
        let refused = within(shim.send(get("/a"))).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        let wait = refused.headers()["retry-after"].to_str().expect("text");
        let wait: u32 = wait.parse().expect("seconds");
        assert!((1..=1200).contains(&wait), "{wait}");
        assert!(!counted_alone(shim).await);
    }
}

#[tokio::test]
async fn each_client_and_each_route_has_a_count_of_its_own() {
    let redis = redis().await;
    let config = format!(
        "{PROXY}{}rate.address = \"1/h\"\n\
         [[routes]]\npath = \"/b\"\nservice = \"orders\"\nrate.total = \"2/h\"\n",
        routes(redis.address(), "100/h")
    );
    let shim = Running::start(&config, served()).await;

    assert_eq!(from(&shim, "192.0.2.1").await.status(), StatusCode::OK);
    let refused = from(&shim, "192.0.2.1").await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(from(&shim, "192.0.2.2").await.status(), StatusCode::OK);

    let answer = within(shim.send(get("/b"))).await;
    assert_eq!(answer.headers()["ratelimit"], "\"route-total\";r=1;t=1800");
}

#[tokio::test]
async fn a_request_over_one_limit_uses_up_nothing_of_the_others() {
    let redis = redis().await;
    let config = format!(
        "{PROXY}{}rate.address = \"1/h\"\n",
        routes(redis.address(), "3/h")
    );
    let shim = Running::start(&config, served()).await;

    assert_eq!(from(&shim, "192.0.2.1").await.status(), StatusCode::OK);
    for _ in 0..5 {
        let refused = from(&shim, "192.0.2.1").await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        let told = text(refused).await;
        assert!(told.contains("route-address"), "{told}");
    }

    let answer = from(&shim, "192.0.2.2").await;
    let told = answer.headers()["ratelimit"].to_str().expect("text");
    assert!(told.contains("\"route-total\";r=1;t=1200"), "{told}");
}

#[tokio::test]
async fn while_the_redis_is_away_each_replica_counts_by_itself_and_then_together_again() {
    let redis = redis().await;
    let config = routes(redis.address(), "2/h");
    let one = Running::start(&config, served()).await;
    let other = Running::start(&config, served()).await;
    assert_eq!(status(&one).await, StatusCode::OK);
    assert_eq!(status(&other).await, StatusCode::OK);
    assert_eq!(status(&one).await, StatusCode::TOO_MANY_REQUESTS);

    within(redis.kill()).await.expect("it is killed");
    for shim in [&one, &other] {
        assert_eq!(status(shim).await, StatusCode::OK);
        assert_eq!(status(shim).await, StatusCode::OK);
        assert_eq!(status(shim).await, StatusCode::TOO_MANY_REQUESTS);
        assert!(counted_alone(shim).await);
    }

    // It has forgotten what it had counted.
    within(redis.start_again()).await.expect("it starts again");
    within(async { while status(&one).await != StatusCode::OK {} }).await;
    within(async { while status(&other).await != StatusCode::OK {} }).await;
    assert_eq!(status(&one).await, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_redis_that_refuses_its_password_is_as_one_that_is_away() {
    let redis = redis().await;
    let guarded = within(redis.command("CONFIG SET requirepass right")).await;
    guarded.expect("it has a password");
    let password = file("wrong");
    let with_password = format!("redis://:${{file:{}}}@", password.path().display());
    let config = routes(redis.address(), "1/h").replace("redis://", &with_password);
    let shim = Running::start(&config, served()).await;

    assert_eq!(status(&shim).await, StatusCode::OK);
    assert_eq!(status(&shim).await, StatusCode::TOO_MANY_REQUESTS);
    assert!(counted_alone(&shim).await);
}

#[test]
fn what_is_wrong_with_the_address_is_told_without_it() {
    for (address, said) in [
        ("rediss://:hush@cache", "asks for TLS"),
        ("http://:hush@cache", "is not the address of a Redis"),
        ("redis://:hush@[", "is not the address of a Redis"),
        ("redis://:hush@cache", "has a password in plain text"),
    ] {
        let file = format!("[shared_rates]\nredis = \"{address}\"\n");
        let told = try_config(&file).expect_err("it is refused").to_string();
        assert!(told.contains(said), "{told}");
        assert!(!told.contains("hush"), "{told}");
    }
}
