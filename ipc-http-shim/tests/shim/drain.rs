//! What a stop leaves behind.

use std::sync::Arc;

use axum::body::Body;
use http::{Response, StatusCode};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::support::{Fake, Running, get, text};

const ROUTE: &str = "[[routes]]\npath = \"/a\"\nservice = \"orders\"\n";

/// Services that say when a call has arrived and answer when told.
struct Held {
    arrived: Arc<Notify>,
    go: Arc<Notify>,
}

fn held() -> (Held, Fake) {
    let (arrived, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let held = Held {
        arrived: Arc::clone(&arrived),
        go: Arc::clone(&go),
    };
    let fake = Fake::calls(move |_| {
        let (arrived, go) = (Arc::clone(&arrived), Arc::clone(&go));
        async move {
            arrived.notify_one();
            go.notified().await;
            Ok(Response::new(Body::from("done")))
        }
    });
    (held, fake)
}

/// Waits until a probe is answered with this status: the drain has begun.
async fn until_ready_is(shim: &Running, status: StatusCode) -> String {
    loop {
        let answer = shim.probe("/readyz").await;
        let found = answer.status();
        let body = text(answer).await;
        if found == status {
            return body;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_request_under_way_is_answered_and_nothing_more_is_accepted() {
    let (held, fake) = held();
    let mut shim = Running::start(ROUTE, fake).await;
    let mut answers = JoinSet::new();
    answers.spawn(shim.sending(get("/a")));
    held.arrived.notified().await;

    shim.stop();
    let body = until_ready_is(&shim, StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(body, r#"{"ok":false,"reasons":["draining"],"warnings":[]}"#);
    while TcpStream::connect(shim.address).await.is_ok() {
        tokio::task::yield_now().await;
    }

    held.go.notify_one();
    let answer = answers.join_next().await.unwrap().unwrap();
    assert_eq!(text(answer).await, "done");
    assert_eq!(shim.ended().await.cut_off, 0);
}

#[tokio::test]
async fn a_connection_without_a_request_does_not_hold_the_drain_up() {
    let mut shim = Running::start(ROUTE, Fake::telling(|_| "x".to_owned())).await;
    let _silent = TcpStream::connect(shim.address).await.unwrap();
    // The client keeps this connection open.
    assert_eq!(text(shim.send(get("/a")).await).await, "x");

    shim.stop();

    assert_eq!(shim.ended().await.cut_off, 0);
}

#[tokio::test]
async fn a_request_that_outlasts_the_bound_is_cut_off() {
    let (held, fake) = held();
    let text = format!("drain = \"50ms\"\n{ROUTE}");
    let mut shim = Running::start(&text, fake).await;
    let mut answers = JoinSet::new();
    answers.spawn(shim.sending(get("/a")));
    held.arrived.notified().await;

    shim.stop();

    assert_eq!(shim.ended().await.cut_off, 1);
}
