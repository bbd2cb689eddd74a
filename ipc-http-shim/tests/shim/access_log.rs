//! The access log.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Response, StatusCode};
use ipc_http_shim::server::Refused;
use ipc_http_shim::upstream::Failure;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Notify;

use crate::support::token::{ISSUER, Issuing, shown};
use crate::support::{Fake, Legacy, Running, get, running_config, text, within};

const ROUTE: &str = "[[routes]]\npath = \"/orders/{id}\"\nservice = \"orders\"\n";

/// A configuration that logs into `log` below the folder, with more lines of its table.
fn logging(folder: &TempDir, more: &str) -> String {
    let path = folder.path().join("log");
    format!(
        "{ROUTE}[access_log]\noutput = \"{}\"\n{more}",
        path.display()
    )
}

/// The first lines of a file, once there are so many.
async fn lines(file: &Path, count: usize) -> Vec<String> {
    within(async {
        loop {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            // The last one may be half of a line.
            let whole: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
            let whole: Vec<String> = whole.into_iter().filter(|it| it.ends_with('\n')).collect();
            if whole.len() >= count {
                return whole;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

async fn told(folder: &TempDir, count: usize) -> Vec<Value> {
    let lines = lines(&folder.path().join("log"), count).await;
    let parse = |line: &String| serde_json::from_str(line).expect("it is JSON");
    lines.iter().map(parse).collect()
}

#[tokio::test]
async fn each_request_is_told_by_its_route_and_never_with_its_query_or_headers() {
    let folder = tempfile::tempdir().expect("a folder");
    let shim = Running::start(
        &logging(&folder, ""),
        Fake::calls(|_| async {
            let answer = Response::builder().header("server-timing", "handler;dur=0.001");
            Ok(answer.body(Body::from("hello")).expect("it is an answer"))
        }),
    )
    .await;

    let mut request = get("/orders/7?token=hunter2");
    let secret = "Bearer hunter2".parse().expect("it is a value");
    request.headers_mut().insert("authorization", secret);
    assert_eq!(text(within(shim.send(request)).await).await, "hello");
    assert_eq!(within(shim.send(get("/nothing"))).await.status(), 404);

    let told = told(&folder, 2).await;
    let first = &told[0];
    for (key, value) in [
        ("method", "GET"),
        ("path", "/orders/7"),
        ("route", "/orders/{id}"),
        ("mode", "call"),
        ("peer", "127.0.0.1"),
        ("protocol", "HTTP/1.1"),
        ("end", "complete"),
        ("request_id", "request-1"),
    ] {
        assert_eq!(first[key], value, "{first}");
    }
    assert_eq!(
        (&first["status"], &first["bytes"]),
        (&200.into(), &5.into())
    );
    assert_eq!(first["handler_ms"], 0.001);
    for key in ["total_ms", "admission_ms", "kafka_ms"] {
        assert!(first[key].is_f64(), "{key}: {first}");
    }
    assert!(!first.to_string().contains("hunter2"), "{first}");
    assert_eq!(
        (&told[1]["status"], &told[1]["route"]),
        (&404.into(), &"unrouted".into())
    );
}

#[tokio::test]
async fn what_failed_is_told_whatever_share_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let fake = Fake::calls(|seen| async move {
        if seen.head.uri.path().ends_with("/8") {
            return Err(Failure::Unknown {
                correlation_id: crate::support::correlation_id(),
            });
        }
        Ok(Response::new(Body::empty()))
    });
    let shim = Running::start(&logging(&folder, "sample = 0\npeer = \"none\"\n"), fake).await;

    for (path, status) in [("/orders/7", 200), ("/orders/8", 504), ("/orders/9", 200)] {
        assert_eq!(within(shim.send(get(path))).await.status(), status);
    }

    let told = told(&folder, 1).await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0]["status"], &told[0]["path"]),
        (&504.into(), &"/orders/8".into())
    );
    assert_eq!(told[0]["peer"], Value::Null);
}

/// A service that says when it is asked, and never answers.
fn waiting() -> (Arc<Notify>, Fake) {
    let arrived = Arc::new(Notify::new());
    let asked = Arc::clone(&arrived);
    let fake = Fake::calls(move |_| {
        asked.notify_one();
        std::future::pending()
    });
    (arrived, fake)
}

#[tokio::test]
async fn a_request_that_its_client_gave_up_is_told_without_a_status() {
    let folder = tempfile::tempdir().expect("a folder");
    let (arrived, fake) = waiting();
    let shim = Running::start(&logging(&folder, "sample = 0\n"), fake).await;

    tokio::select! {
        _ = shim.send(get("/orders/7")) => panic!("nothing answers"),
        () = arrived.notified() => {}
    }

    let told = told(&folder, 1).await;
    assert_eq!(
        (&told[0]["end"], &told[0]["status"]),
        (&"cancelled".into(), &Value::Null)
    );
}

#[tokio::test]
async fn who_sent_a_request_is_told_where_that_is_asked_for_though_its_client_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let issuing = Issuing::ed25519("ed");
    let (_file, auth) = shown(&[&issuing]);
    let (arrived, fake) = waiting();
    let settings = logging(&folder, "principal = true\n");
    let shim = Running::start(&format!("auth.default = \"jwt\"\n{auth}{settings}"), fake).await;

    let nobody = within(shim.send(get("/orders/7"))).await;
    assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
    let mut request = get("/orders/7");
    let token = format!("Bearer {}", issuing.token_of("ann", ""));
    let token = token.parse().expect("it is a value");
    request.headers_mut().insert("authorization", token);
    tokio::select! {
        _ = shim.send(request) => panic!("nothing answers"),
        () = arrived.notified() => {}
    }

    let told = told(&folder, 2).await;
    assert_eq!(told[0]["principal"], Value::Null);
    for (key, value) in [
        ("credential", "jwt"),
        ("issuer", ISSUER),
        ("principal", "ann"),
    ] {
        assert_eq!(told[1][key], value, "{told:?}");
    }
}

#[tokio::test]
async fn the_common_format_is_that_of_web_servers() {
    let folder = tempfile::tempdir().expect("a folder");
    let old = Legacy::start(Router::new().fallback(async || "hello")).await;
    let common = logging(&folder, "format = \"common\"\npeer = \"cut\"\n");
    let shim = Running::start_before(&common, Fake::silent(), old.address).await;

    assert_eq!(
        text(within(shim.send(get("/any?a=b"))).await).await,
        "hello"
    );

    let lines = lines(&folder.path().join("log"), 1).await;
    assert!(lines[0].starts_with("127.0.0.0 - - ["), "{lines:?}");
    assert!(
        lines[0].ends_with("] \"GET /any HTTP/1.1\" 200 5\n"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_file_that_was_moved_away_is_begun_anew_when_the_configuration_is_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let config = logging(&folder, "");
    let shim = Running::start(&config, Fake::telling(|_| "hello".to_owned())).await;

    let _ = text(within(shim.send(get("/orders/1"))).await).await;
    lines(&at("log"), 1).await;
    std::fs::rename(at("log"), at("log.1")).expect("it is moved");
    let changed = shim.live.change(&running_config(&config));
    changed.expect("it is in order");
    let _ = text(within(shim.send(get("/orders/2"))).await).await;

    let told = told(&folder, 1).await;
    assert_eq!(told[0]["path"], "/orders/2");
    assert_eq!(lines(&at("log.1"), 1).await.len(), 1);
}

#[tokio::test]
async fn a_log_that_cannot_be_written_to_is_refused_and_named() {
    let shim = Running::start(ROUTE, Fake::telling(|_| "hello".to_owned())).await;
    let nowhere = format!("{ROUTE}[access_log]\noutput = \"/no/such/folder/log\"\n");

    let refused = shim.live.change(&running_config(&nowhere));

    let refused = refused.expect_err("it cannot be opened");
    assert!(matches!(refused, Refused::AccessLog(_)), "{refused}");
    assert_eq!(
        within(shim.send(get("/orders/1"))).await.status(),
        StatusCode::OK
    );
}
