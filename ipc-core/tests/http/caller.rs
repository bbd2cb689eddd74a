//! The caller's side by itself.

use std::time::Duration;

use axum::http::{Request, request::Parts};
use bytes::Bytes;
use ipc_core::envelope::{HandlerTime, Headers, QueueTime, names};
use ipc_core::http::{Reserved, request_record, response_parts};

fn parts(uri: &str, headers: &[(&'static str, &'static str)]) -> Parts {
    let mut request = Request::builder().method("PUT").uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

#[test]
fn the_request_line_goes_to_the_head_and_the_rest_to_the_headers() {
    let sent = parts(
        "http://orders:80/a%2Fb?",
        &[("x-a", "1"), ("x-b", "2"), ("x-a", "3")],
    );
    let (head, record) = request_record(&sent, Reserved::Refuse).unwrap();
    assert_eq!(head.method.as_deref(), Some("PUT"));
    assert_eq!(head.path.as_deref(), Some("/a%2Fb?"));
    assert!(!head.is_call());
    let names: Vec<_> = record.iter().map(|header| &*header.name).collect();
    assert_eq!(names, [":authority", "x-a", "x-a", "x-b"]);
    assert_eq!(record.get_str(names::AUTHORITY), Some("orders:80"));
}

#[test]
fn an_empty_path_is_the_root() {
    for (uri, path) in [
        ("http://orders", "/"),
        ("http://orders?a=/", "/?a=/"),
        ("/", "/"),
    ] {
        let (head, _) = request_record(&parts(uri, &[]), Reserved::Refuse).unwrap();
        assert_eq!(head.path.as_deref(), Some(path), "{uri}");
    }
}

#[test]
fn credentials_of_the_uri_stay_behind() {
    let sent = parts("http://user:secret@orders/", &[]);
    let (_, record) = request_record(&sent, Reserved::Refuse).unwrap();
    assert_eq!(record.get_str(names::AUTHORITY), Some("orders"));
}

#[test]
fn a_single_idempotency_key_stands_once_in_the_record() {
    let sent = parts("/", &[(names::IDEMPOTENCY_KEY, "op-1")]);
    let (head, mut record) = request_record(&sent, Reserved::Refuse).unwrap();
    assert_eq!(head.idempotency_key.as_deref(), Some("op-1"));
    head.write(&mut record);
    assert_eq!(record.get_all(names::IDEMPOTENCY_KEY).count(), 1);
}

#[test]
fn reserved_names_are_refused_with_their_names_or_stripped() {
    let sent = parts(
        "/",
        &[("ipc-deadline", "1"), ("x-fine", "1"), ("reply_to", "t")],
    );
    let refused = request_record(&sent, Reserved::Refuse).unwrap_err();
    assert_eq!((refused.name(), refused.status), ("reserved-header", 400));
    assert_eq!(
        refused.detail.as_deref(),
        Some("leave out or rename ipc-deadline, reply_to")
    );
    let (_, record) = request_record(&sent, Reserved::Strip).unwrap();
    let names: Vec<_> = record.iter().map(|header| &*header.name).collect();
    assert_eq!(names, ["x-fine"]);
}

#[test]
fn what_cannot_cross_is_refused_before_it_is_sent() {
    let upgrade = parts("/", &[("connection", "upgrade"), ("upgrade", "websocket")]);
    let refused = request_record(&upgrade, Reserved::Strip).unwrap_err();
    assert_eq!((refused.name(), refused.status), ("not-supported", 501));

    let mut connect = parts("orders:80", &[]);
    connect.method = axum::http::Method::CONNECT;
    let refused = request_record(&connect, Reserved::Strip).unwrap_err();
    assert_eq!((refused.name(), refused.status), ("not-supported", 501));
}

#[test]
fn a_reply_gives_status_and_headers_without_ours() {
    let mut record = Headers::new();
    record.push_static(names::CORRELATION_ID, Bytes::from_static(b"1"));
    record.push_static("set-cookie", Bytes::from_static(b"a=1"));
    record.push_static(names::STATUS, Bytes::from_static(b"201"));
    record.push_static("set-cookie", Bytes::from_static(b"b=2"));
    record.push_static("connection", Bytes::from_static(b"close"));
    let parts = response_parts(201, &record).unwrap();
    assert_eq!(parts.status, 201);
    let headers: Vec<_> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value))
        .collect();
    assert_eq!(headers.len(), 2);
    assert!(headers.iter().all(|(name, _)| *name == "set-cookie"));
}

#[test]
fn a_status_no_final_response_has_is_refused() {
    for status in [0, 99, 100, 101, 1000] {
        let refused = response_parts(status, &Headers::new()).unwrap_err();
        assert_eq!(
            (refused.name(), refused.status),
            ("malformed-reply", 502),
            "{status}"
        );
    }
}

#[test]
fn how_long_a_request_was_queued_and_handled_is_told_beside_the_headers() {
    let mut reply = Headers::new();
    reply.push_static(names::QUEUED, "1500");
    reply.push_static(names::HANDLED, "20");

    let parts = response_parts(200, &reply).unwrap();

    let queued = QueueTime(Duration::from_millis(1500));
    let handled = HandlerTime(Duration::from_millis(20));
    assert_eq!(parts.extensions.get(), Some(&queued));
    assert_eq!(parts.extensions.get(), Some(&handled));
    assert!(parts.headers.is_empty());
}
