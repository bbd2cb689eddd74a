//! Where the time of requests goes, and which routes that is counted for.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing;
use http::Response;
use ipc_core::envelope::HandlerTime;
use ipc_core::service::Service;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::support::{Fake, Legacy, OverKafka, Running, get, running_config, text, within};

const ROUTE: &str = "[[routes]]\npath = \"/a\"\nservice = \"orders\"\n";

/// The series of this metric, and what it is counted for.
async fn series(shim: &Running, metric: &str) -> Vec<String> {
    let metrics = text(shim.probe("/metrics").await).await;
    let lines = metrics.lines().filter(|line| line.starts_with(metric));
    lines.map(str::to_owned).collect()
}

#[tokio::test]
async fn the_time_of_a_request_is_told_by_what_took_it() {
    let old = Legacy::start(Router::new().fallback(async || "legacy")).await;
    let fake = Fake::calls(|_| async {
        let answer = Response::builder().header("server-timing", "queue;dur=2, handler;dur=4000");
        Ok(answer.body(Body::empty()).expect("it is an answer"))
    });
    let shim = Running::start_before(ROUTE, fake, old.address).await;

    within(shim.send(get("/a"))).await;
    within(shim.send(get("/legacy"))).await;

    let told = series(&shim, "ipc_shim_request_phase_duration_seconds_count").await;
    for (route, mode, phases) in [
        (
            "/a",
            "call",
            &["admission", "queue", "handler", "reply"][..],
        ),
        ("unrouted", "legacy", &["admission", "legacy"]),
    ] {
        let mut found: Vec<_> = told
            .iter()
            .filter(|line| line.contains(&format!("route=\"{route}\",mode=\"{mode}\"")))
            .collect();
        found.sort_unstable();
        assert_eq!(found.len(), phases.len(), "{told:?}");
        for phase in phases {
            let phase = format!("phase=\"{phase}\"}} 1");
            assert!(found.iter().any(|line| line.ends_with(&phase)), "{told:?}");
        }
    }
    let sums = series(&shim, "ipc_shim_request_phase_duration_seconds_sum").await;
    let handler = sums.iter().find(|line| line.contains("phase=\"handler\""));
    assert!(
        handler.is_some_and(|line| line.ends_with(" 4.0")),
        "{sums:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_over_kafka_tells_what_its_handler_took() {
    let slow = async || tokio::time::sleep(2 * HandlerTime::SHORTEST).await;
    let application = Router::new().route("/a", routing::get(slow));
    let over_kafka = OverKafka::start(ROUTE, Service::builder("orders"), application).await;

    within(over_kafka.shim.send(get("/a"))).await;

    let count = "ipc_shim_request_phase_duration_seconds_count";
    let line = format!("{count}{{route=\"/a\",mode=\"call\",phase=\"handler\"}} 1");
    over_kafka.shim.counted(&line).await;
    over_kafka.stop().await;
}

#[tokio::test]
async fn the_series_of_a_route_go_with_it_and_those_of_the_others_stay() {
    let (arrived, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let fake = {
        let (arrived, go) = (Arc::clone(&arrived), Arc::clone(&go));
        Fake::calls(move |seen| {
            let (arrived, go) = (Arc::clone(&arrived), Arc::clone(&go));
            async move {
                if seen.head.uri.path() == "/slow" {
                    arrived.notify_one();
                    go.notified().await;
                }
                Ok(Response::new(Body::empty()))
            }
        })
    };
    let slow = "[[routes]]\npath = \"/slow\"\nservice = \"orders\"\n";
    let shim = Running::start(&format!("{ROUTE}{slow}"), fake).await;
    within(shim.send(get("/a"))).await;
    let mut answers = JoinSet::new();
    answers.spawn(shim.sending(get("/slow")));
    within(arrived.notified()).await;

    shim.live
        .change(&running_config(ROUTE))
        .expect("it is in order");
    go.notify_one();
    let answer = within(answers.join_next()).await.unwrap().unwrap();
    assert_eq!(answer.status(), 200);

    let told = series(&shim, "ipc_shim_request").await;
    assert!(!told.iter().any(|line| line.contains("/slow")), "{told:?}");
    let kept = "ipc_shim_requests_total{route=\"/a\",mode=\"call\",status=\"2xx\"} 1";
    assert!(told.iter().any(|line| line == kept), "{told:?}");
}
