//! Records that never reach the handler, and the words they are refused with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, uri::PathAndQuery};
use bytes::Bytes;
use ipc_core::dispatch::{Mode, Outcome, Reason};
use ipc_core::envelope::{Envelope, Headers, names};
use ipc_core::http::set_default_route;
use serde_json::Value;

use crate::carry::{CALL, ONE_WAY, decode, deliver, encode, outcome};

async fn record(sent: crate::carry::Sent) -> Envelope {
    let request = Request::post("/orders").body(Body::from("12345")).unwrap();
    encode(request, sent).await
}

/// The problem a call with this record is answered with, with its status. The
/// handler must not have run.
async fn refused(record: Envelope) -> (u16, String, String) {
    let ran = Arc::new(AtomicBool::new(false));
    let runs = ran.clone();
    let app = Router::new().fallback(move || async move { runs.store(true, Ordering::SeqCst) });
    let Outcome::Reply(reply) = outcome(app, deliver(record, Mode::Call)).await else {
        panic!("a call is always answered");
    };
    let answer = decode(reply).await;
    assert!(!ran.load(Ordering::SeqCst));
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(problem["status"], answer.status().as_u16());
    assert_eq!(problem["correlationId"], "call-1");
    let text = |field: &str| problem[field].as_str().unwrap().to_owned();
    let kind = text("type").replace("urn:ipc:problem:", "");
    (answer.status().as_u16(), kind, text("detail"))
}

async fn refused_with(name: &'static str, value: impl Into<Bytes>) -> (u16, String, String) {
    let mut record = record(CALL).await;
    record.headers.set(name, value);
    refused(record).await
}

#[tokio::test]
async fn a_record_without_method_or_path_is_not_http() {
    for name in [names::METHOD, names::PATH] {
        let mut record = record(CALL).await;
        record.headers.remove(name);
        let (status, kind, detail) = refused(record).await;
        assert_eq!((status, &*kind), (400, "not-http"));
        assert!(detail.contains("default route"), "{detail}");
    }
}

#[tokio::test]
async fn a_record_that_is_not_http_takes_the_default_route() {
    let app = Router::new().fallback(|request: axum::extract::Request| async move {
        format!("{} {}", request.method(), request.uri())
    });
    let route = PathAndQuery::from_static("/spring?x");
    let through = async |record| {
        let mut delivery = deliver(record, Mode::Call);
        set_default_route(&mut delivery, &Method::PUT, &route);
        let Outcome::Reply(reply) = outcome(app.clone(), delivery).await else {
            panic!("a call is always answered");
        };
        decode(reply).await.into_body()
    };
    let mut plain = record(CALL).await;
    plain.headers.remove(names::METHOD);
    plain.headers.remove(names::PATH);
    assert_eq!(through(plain).await, "PUT /spring?x");
    assert_eq!(through(record(CALL).await).await, "POST /orders");
}

#[tokio::test]
async fn a_method_http_does_not_know_the_form_of_is_refused() {
    for method in ["", "GET /", "G\u{e4}T", "GET\r\nx: y"] {
        let (status, kind, detail) = refused_with(names::METHOD, method).await;
        assert_eq!((status, &*kind), (400, "malformed-request"), "{method}");
        assert!(detail.contains(":method"), "{detail}");
    }
}

#[tokio::test]
async fn a_path_that_is_no_path_is_refused() {
    for path in [
        "",
        "orders",
        "?x",
        "#f",
        "/a#f",
        "/a b",
        "/a\r\n",
        "/\0",
        "http://x/",
        "**",
        "//x#",
        "/<>",
    ] {
        let (status, kind, detail) = refused_with(names::PATH, path).await;
        assert_eq!((status, &*kind), (400, "malformed-request"), "{path:?}");
        assert!(detail.contains(":path"), "{detail}");
    }
    let (status, _, detail) = refused_with(names::PATH, format!("/{}", "a".repeat(70_000))).await;
    assert_eq!(status, 414);
    assert!(detail.contains("70001"), "{detail}");
}

#[tokio::test]
async fn a_length_that_contradicts_the_body_is_refused() {
    for length in ["4", "6", "x", "", "5, 5", "-5"] {
        let (status, kind, detail) = refused_with("content-length", length).await;
        assert_eq!((status, &*kind), (400, "malformed-request"), "{length}");
        assert!(detail.contains("content-length"), "{detail}");
    }
}

#[tokio::test]
async fn more_headers_than_http_holds_are_refused() {
    let mut record = record(CALL).await;
    let many: Headers = (0..40_000)
        .map(|n| ipc_core::envelope::Header {
            name: format!("x-{n}").into(),
            value: Some(Bytes::new()),
        })
        .collect();
    record.headers.extend(many);
    let (status, _, _) = refused(record).await;
    assert_eq!(status, 431);
}

#[tokio::test]
async fn what_cannot_cross_a_log_is_refused() {
    for protocol in ["websocket", "h2c, websocket", "h2, TLS/1.0", "HTTPS/1.3"] {
        let (status, kind, detail) = refused_with("upgrade", protocol).await;
        assert_eq!((status, &*kind), (501, "not-supported"), "{protocol}");
        assert!(detail.contains("upgrade"), "{detail}");
    }
    let (status, kind, detail) = refused_with(names::METHOD, "CONNECT").await;
    assert_eq!((status, &*kind), (501, "not-supported"));
    assert!(detail.contains("CONNECT"), "{detail}");
}

#[tokio::test]
async fn a_mere_offer_of_another_http_is_ignored() {
    for offer in ["h2c", "H2C", "HTTP/2.0, h2c", "h2", "h2,h2c", "http", ""] {
        let mut record = record(CALL).await;
        record.headers.set("upgrade", offer);
        let app = Router::new().fallback(|| async {});
        let outcome = outcome(app, deliver(record, Mode::Call)).await;
        assert!(
            matches!(outcome, Outcome::Reply(reply) if reply.status == 200),
            "{offer}"
        );
    }
}

#[tokio::test]
async fn a_one_way_record_that_is_refused_is_undecodable() {
    let mut record = record(ONE_WAY).await;
    record.headers.set(names::PATH, "orders");
    let Outcome::Failed(failure) = outcome(Router::new(), deliver(record, Mode::OneWay)).await
    else {
        panic!("a one-way record is not answered");
    };
    assert_eq!(
        (failure.reason, failure.retryable),
        (Reason::Undecodable, false)
    );
    assert!(failure.message.contains(":path"), "{}", failure.message);
}
