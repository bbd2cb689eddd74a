//! Routes and services that have more than they can take.

use std::sync::Arc;

use axum::body::Body;
use http::{Response, StatusCode};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::support::{Fake, Running, get, text, within};

/// Services whose calls say when they have come, and are answered once they may be.
struct Held {
    come: mpsc::Receiver<()>,
    go: Arc<Semaphore>,
}

fn held() -> (Held, Fake) {
    let (coming, come) = mpsc::channel(64);
    let go = Arc::new(Semaphore::new(0));
    let held = Held {
        come,
        go: Arc::clone(&go),
    };
    let fake = Fake::calls(move |_| {
        let (coming, go) = (coming.clone(), Arc::clone(&go));
        async move {
            coming.send(()).await.expect("the test is there");
            go.acquire().await.expect("it is open").forget();
            Ok(Response::new(Body::from("served")))
        }
    });
    (held, fake)
}

impl Held {
    async fn one_has_come(&mut self) {
        within(self.come.recv()).await.expect("one comes");
    }
}

async fn refused(shim: &Running, path: &str, kind: &str) -> String {
    let answer = shim.send(get(path)).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let wait = answer.headers()["retry-after"].to_str().expect("text");
    assert!(wait.parse::<u64>().is_ok_and(|wait| wait >= 1), "{wait}");
    let body = text(answer).await;
    assert!(body.contains(&format!("urn:ipc:problem:{kind}")), "{body}");
    body
}

async fn shown(shim: &Running, line: &str) {
    let metrics = text(shim.probe("/metrics").await).await;
    assert!(
        metrics.lines().any(|found| found == line),
        "{line}\n{metrics}"
    );
}

const TWO: &str = "[[routes]]\npath = \"/slow\"\nservice = \"orders\"\nin_flight = 1\n\
                   [[routes]]\npath = \"/other\"\nservice = \"orders\"\n";

#[tokio::test]
async fn a_route_with_all_it_takes_under_way_leaves_the_others_alone() {
    let (mut held, fake) = held();
    let shim = Running::start(TWO, fake).await;
    let mut answers = JoinSet::new();
    answers.spawn(shim.sending(get("/slow")));
    held.one_has_come().await;

    refused(&shim, "/slow", "route-busy").await;
    shown(
        &shim,
        "ipc_shim_limited_total{route=\"/slow\",limit=\"in-flight\"} 1",
    )
    .await;
    answers.spawn(shim.sending(get("/other")));
    held.one_has_come().await;

    held.go.add_permits(3);
    while let Some(answer) = within(answers.join_next()).await {
        assert_eq!(text(answer.expect("no panic")).await, "served");
    }
    assert_eq!(shim.send(get("/slow")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_request_waits_for_a_place_as_long_as_its_route_says() {
    let (mut held, fake) = held();
    let config = format!("{TWO}in_flight = 1\nin_flight_wait = \"1h\"\n");
    let shim = Running::start(&config, fake).await;
    let mut answers = JoinSet::new();
    answers.spawn(shim.sending(get("/other")));
    held.one_has_come().await;

    answers.spawn(shim.sending(get("/other")));
    held.go.add_permits(2);

    while let Some(answer) = within(answers.join_next()).await {
        assert_eq!(text(answer.expect("no panic")).await, "served");
    }
}

#[tokio::test]
async fn a_service_has_no_more_under_way_than_it_has_room_for() {
    let (mut held, fake) = held();
    let config = format!("[limits.concurrency]\ninitial = 1\nmin = 1\nmax = 1\n{TWO}");
    let shim = Running::start(&config, fake).await;
    let mut answers = JoinSet::new();
    answers.spawn(shim.sending(get("/slow")));
    held.one_has_come().await;

    refused(&shim, "/other", "service-busy").await;
    for line in [
        "ipc_shim_limited_total{route=\"/other\",limit=\"concurrency\"} 1",
        "ipc_shim_concurrency_limit{service=\"orders\",traffic=\"live\"} 1",
        "ipc_shim_concurrency_in_use{service=\"orders\",traffic=\"live\"} 1",
    ] {
        shown(&shim, line).await;
    }

    held.go.add_permits(1);
    let answer = within(answers.join_next()).await.expect("it was asked");
    assert_eq!(answer.expect("no panic").status(), StatusCode::OK);
}
