//! Changing what is served while it is.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Response, StatusCode};
use ipc_http_shim::server::Refused;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::interval;

use crate::support::{Fake, Legacy, Running, get, running_config, text, within};

fn version(number: usize) -> String {
    format!(
        "[[routes]]\npath = \"/a\"\nservice = \"orders\"\n\
         response_headers.set = {{ x-version = {number} }}\n"
    )
}

const MANY: usize = 10_000;

/// Ten thousand routes, which say which version of the file made them.
fn many(number: usize) -> String {
    let mut text = version(number);
    for index in 1..MANY {
        // A `String` takes every write.
        let _ = write!(
            text,
            "[[routes]]\npath = \"/r/{index}/{{id}}\"\nservice = \"orders\"\n\
             rewrite = \"/v{number}/{index}/{{id}}\"\n"
        );
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_routes_are_changed_under_load_and_no_request_is_dropped() {
    let fake = Fake::telling(|seen| seen.head.uri.path().to_owned());
    let shim = Arc::new(Running::start(&many(0), fake).await);
    let (over, answered) = (Arc::new(AtomicBool::new(false)), Arc::default());
    let mut clients = JoinSet::new();
    for client in 1..=8_usize {
        let (shim, over) = (Arc::clone(&shim), Arc::clone(&over));
        let answered: Arc<AtomicUsize> = Arc::clone(&answered);
        clients.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let index = client * 1000;
                let answer = shim.send(get(&format!("/r/{index}/7"))).await;
                assert_eq!(answer.status(), StatusCode::OK);
                let arrived = text(answer).await;
                assert!(arrived.ends_with(&format!("/{index}/7")), "{arrived}");
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }

    for number in 1..=4 {
        let before = answered.load(Ordering::Relaxed);
        let live = shim.live.clone();
        let changed =
            tokio::task::spawn_blocking(move || live.change(&running_config(&many(number))));
        changed
            .await
            .expect("it does not panic")
            .expect("it is in order");
        // From now on every request is answered by the new routes.
        let answer = shim.send(get("/r/9999/7")).await;
        assert_eq!(text(answer).await, format!("/v{number}/9999/7"));
        assert!(answered.load(Ordering::Relaxed) > before);
    }

    over.store(true, Ordering::Relaxed);
    while let Some(client) = clients.join_next().await {
        client.expect("every request is answered");
    }
}

#[tokio::test]
async fn a_request_that_has_begun_keeps_what_it_began_with() {
    let (arrived, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let fake = {
        let (arrived, go) = (Arc::clone(&arrived), Arc::clone(&go));
        Fake::calls(move |_| {
            let (arrived, go) = (Arc::clone(&arrived), Arc::clone(&go));
            async move {
                arrived.notify_one();
                go.notified().await;
                Ok(Response::new(Body::empty()))
            }
        })
    };
    let shim = Running::start(&version(1), fake).await;
    let mut answers = JoinSet::new();
    answers.spawn(shim.sending(get("/a")));
    arrived.notified().await;

    let next = running_config(&version(2));
    shim.live.change(&next).expect("it is in order");
    go.notify_one();

    let begun = answers.join_next().await.unwrap().unwrap();
    assert_eq!(begun.headers()["x-version"], "1");
    go.notify_one();
    let later = shim.send(get("/a")).await;
    assert_eq!(later.headers()["x-version"], "2");
}

#[tokio::test]
async fn limits_and_the_legacy_server_are_changed_and_counters_go_on() {
    let [old, newer] =
        ["old", "newer"].map(|name| Router::new().fallback(move || async move { name }));
    let (old, newer) = (Legacy::start(old).await, Legacy::start(newer).await);
    let config = |legacy: &Legacy, headers: usize| {
        format!(
            "legacy = \"http://{}\"\nlimits.header_count = {headers}\n",
            legacy.address
        )
    };
    let shim = Running::start(&config(&old, 100), Fake::silent()).await;
    assert_eq!(text(shim.send(get("/a")).await).await, "old");

    let next = running_config(&config(&newer, 100));
    shim.live.change(&next).expect("it is in order");
    assert_eq!(text(shim.send(get("/a")).await).await, "newer");

    let mut large = get("/a");
    large.headers_mut().insert("x-more", "1".parse().unwrap());
    let next = running_config(&config(&newer, 1));
    shim.live.change(&next).expect("it is in order");
    let refused = shim.send(large).await;
    assert_eq!(
        refused.status(),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
    );

    let metrics = text(shim.probe("/metrics").await).await;
    let line = r#"ipc_shim_requests_total{route="unrouted",mode="legacy",status="2xx"} 2"#;
    assert!(metrics.lines().any(|found| found == line), "{metrics}");
}

#[tokio::test]
async fn what_needs_a_restart_is_refused_by_name_and_nothing_is_changed() {
    let fake = Fake::telling(|_| "x".to_owned());
    let shim = Running::start(&version(1), fake).await;

    let mut next = running_config(&version(2));
    next.listen.set_port(1);
    next.fleet = "other".to_owned();
    next.kafka.set("linger.ms", "5");
    let refused = shim.live.change(&next).expect_err("three need a restart");
    assert_eq!(
        refused,
        Refused::Restart(["listen", "fleet", "[kafka]"].map(str::to_owned).into())
    );
    assert_eq!(
        refused.to_string(),
        "listen, fleet, [kafka] cannot be changed while it runs: restart it"
    );

    let mut next = running_config(&version(2));
    next.routes[0].path = "a".to_owned();
    let refused = shim.live.change(&next).expect_err("a route is wrong");
    assert!(matches!(refused, Refused::Routes(faults) if faults.len() == 1));

    let answer = shim.send(get("/a")).await;
    assert_eq!(answer.headers()["x-version"], "1");
}

#[tokio::test]
async fn a_first_route_to_a_service_needs_a_restart() {
    let old = Legacy::start(Router::new()).await;
    let legacy = format!("legacy = \"http://{}\"\n", old.address);
    let shim = Running::start(&legacy, Fake::silent()).await;

    let next = running_config(&format!("{legacy}{}", version(1)));
    let refused = shim.live.change(&next).expect_err("there is no Kafka");

    assert_eq!(
        refused,
        Refused::Restart(vec!["whether any route names a service".to_owned()])
    );
}

/// A route that moves, and whatever else is in the file.
fn moving(migration: &str, more: &str) -> String {
    format!(
        "{more}[[routes]]\npath = \"/orders/{{id}}\"\nservice = \"orders\"\n\
         response_headers.set = {{ x-routes = 1 }}\n\
         [routes.migration]\nname = \"orders\"\n{migration}\n"
    )
}

#[tokio::test]
async fn a_route_that_moves_keeps_where_it_stands_and_its_counts_over_a_change() {
    const STEPS: &str = "steps = [\"shadow\", \"kafka\"]";
    let (arrived, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let fake = {
        let (arrived, go) = (Arc::clone(&arrived), Arc::clone(&go));
        Fake::calls(move |_| {
            let (arrived, go) = (Arc::clone(&arrived), Arc::clone(&go));
            async move {
                arrived.notify_one();
                go.notified().await;
                Ok(Response::new(Body::from("new")))
            }
        })
    };
    let old = Legacy::start(Router::new().fallback(async || "old")).await;
    let legacy = format!("legacy = \"http://{}\"\n", old.address);
    let shim = Running::start(&moving(STEPS, &legacy), fake).await;
    let told = async || {
        let told = text(shim.probe("/admin/migration").await).await;
        serde_json::from_str::<Value>(&told).expect("it is JSON")["routes"][0].clone()
    };
    assert_eq!(text(shim.send(get("/orders/1")).await).await, "old");
    within(arrived.notified()).await;

    // Another route comes before the one that moves, while its copy is under way.
    let next = moving(STEPS, &format!("{legacy}{}", version(2)));
    shim.live
        .change(&running_config(&next))
        .expect("how it moves is the same");
    assert_eq!(told().await["counts"]["legacy"], 1);
    assert_eq!(text(shim.send(get("/orders/1")).await).await, "old");
    within(arrived.notified()).await;

    let counted = async {
        let mut turns = interval(Duration::from_millis(20));
        loop {
            turns.tick().await;
            go.notify_one();
            let told = told().await;
            if told["counts"]["compared"] == 2 {
                return told;
            }
        }
    };
    let told = within(counted).await;
    assert_eq!(told["counts"]["legacy"], 2);
    assert_eq!(told["samples"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn how_a_route_moves_needs_a_restart_and_the_route_is_named() {
    const STEPS: &str = "steps = [\"kafka\"]";
    let old = Legacy::start(Router::new()).await;
    let legacy = format!("legacy = \"http://{}\"\n", old.address);
    let fake = Fake::telling(|_| "x".to_owned());
    let shim = Running::start(&moving(STEPS, &legacy), fake).await;
    let now = moving(STEPS, &legacy);

    let rules = moving("steps = [\"50%\", \"kafka\"]", &legacy);
    let path = now.replace("/orders/{id}", "/order/{id}");
    let methods = now.replace("service =", "method = \"GET\"\nservice =");
    let service = now.replace("service = \"orders\"", "service = \"other\"");
    let removed = format!("{legacy}{}", version(1));
    for next in [rules, path, methods, service, removed] {
        let refused = shim.live.change(&running_config(&next));
        assert_eq!(
            refused.expect_err("it moves otherwise").to_string(),
            "how route \"orders\" moves cannot be changed while it runs: restart it"
        );
    }
    let renamed = now.replace("name = \"orders\"", "name = \"newer\"");
    let refused = shim.live.change(&running_config(&renamed));
    assert_eq!(
        refused.expect_err("another moves").to_string(),
        "how route \"newer\" moves, how route \"orders\" moves cannot be changed while it runs: \
         restart it"
    );

    // What else the route says is changed with all the rest.
    let timeout = now.replace("service =", "timeout = \"9s\"\nservice =");
    let next = timeout.replace("x-routes", "x-newer");
    shim.live
        .change(&running_config(&next))
        .expect("how it moves is the same");
    let answer = shim.send(get("/orders/1")).await;
    assert!(answer.headers().contains_key("x-newer"), "{answer:?}");
}
