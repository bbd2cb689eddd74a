//! The admin port.

use axum::Router;
use http::StatusCode;
use ipc_core::health::{Health, InboxHealth, Role};

use crate::support::{Fake, Legacy, Running, get, text};

const ROUTE: &str = "[[routes]]\nmethod = \"GET\"\npath = \"/a/{id}\"\nservice = \"orders\"\n";

/// A reply inbox, reported to `health`, that hears nothing.
fn deaf(health: &Health) -> InboxHealth {
    let inbox = health.inbox("shim.replies", Role::Serves);
    inbox.not_ready("no broker answers");
    inbox
}

#[tokio::test]
async fn a_serving_shim_passes_every_probe() {
    let shim = Running::start(ROUTE, Fake::silent()).await;

    for probe in ["/livez", "/readyz", "/startupz"] {
        let answer = shim.probe(probe).await;
        assert_eq!(answer.status(), StatusCode::OK, "{probe}");
        assert_eq!(
            text(answer).await,
            r#"{"ok":true,"reasons":[],"warnings":[]}"#,
            "{probe}"
        );
    }
}

#[tokio::test]
async fn without_kafka_and_without_legacy_it_is_not_ready_but_alive() {
    let health = Health::new();
    let _inbox = deaf(&health);
    let shim = Running::start_with(ROUTE, Fake::silent(), health).await;

    let ready = shim.probe("/readyz").await;
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        text(ready).await,
        r#"{"ok":false,"reasons":["reply inbox shim.replies: no broker answers"],"warnings":[]}"#
    );
    assert_eq!(shim.probe("/livez").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn without_kafka_but_with_legacy_it_is_ready_with_a_warning() {
    let old = Legacy::start(Router::new()).await;
    let health = Health::new();
    let _inbox = deaf(&health);
    let config = format!("legacy = \"http://{}\"\n{ROUTE}", old.address);
    let shim = Running::start_with(&config, Fake::silent(), health).await;

    let ready = shim.probe("/readyz").await;

    assert_eq!(ready.status(), StatusCode::OK);
    assert_eq!(
        text(ready).await,
        r#"{"ok":true,"reasons":[],"warnings":["reply inbox shim.replies: no broker answers"]}"#
    );
}

#[tokio::test]
async fn metrics_count_requests_by_route_mode_and_class() {
    let shim = Running::start(ROUTE, Fake::telling(|_| "x".to_owned())).await;
    for path in ["/a/1", "/a/2", "/nothing/secret"] {
        text(shim.send(get(path)).await).await;
    }

    let answer = shim.probe("/metrics").await;
    assert!(
        answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    let metrics = text(answer).await;

    for line in [
        r#"ipc_shim_requests_total{route="GET /a/{id}",mode="call",status="2xx"} 2"#,
        r#"ipc_shim_requests_total{route="unrouted",mode="none",status="4xx"} 1"#,
        r#"ipc_shim_request_duration_seconds_count{route="GET /a/{id}",mode="call"} 2"#,
        "fake 1",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line}\n{metrics}"
        );
    }
    assert!(!metrics.contains("secret"), "{metrics}");
    assert_eq!(metrics.matches("# EOF").count(), 1, "{metrics}");
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
}
