//! Reply streams as server-sent events.

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use ipc_core::envelope::Problem;
use ipc_http_shim::upstream::ReplyRecord;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::support::{Fake, Running, get, text};

pub(crate) const ROUTE: &str =
    "[[routes]]\npath = \"/a\"\nservice = \"orders\"\nmode = \"stream\"\n";

pub(crate) type Item = Result<ReplyRecord, Problem>;
type Records = BoxStream<'static, Item>;

fn records(items: Vec<Result<&'static [u8], Problem>>) -> Records {
    let items = (0..).zip(items).map(|(seq, item)| {
        item.map(|payload| ReplyRecord {
            seq,
            payload: Bytes::from_static(payload),
        })
    });
    stream::iter(items.collect::<Vec<_>>()).boxed()
}

/// A shim whose service answers with these headers and records.
pub(crate) async fn streaming(
    head: &'static [(&'static str, &'static str)],
    items: impl Fn() -> Vec<Result<&'static [u8], Problem>> + Send + Sync + 'static,
) -> Running {
    let fake = Fake::streams(move |_| {
        let mut response = Response::builder();
        for (name, value) in head {
            response = if *name == ":status" {
                response.status(*value)
            } else {
                response.header(*name, *value)
            };
        }
        Ok(response.body(records(items())).unwrap())
    });
    Running::start(ROUTE, fake).await
}

pub(crate) fn moved() -> Problem {
    Problem::new("moved", "the stream moved", 503)
}

const MOVED: &str = "event: error\ndata: {\"type\":\"urn:ipc:problem:moved\",\
                     \"title\":\"the stream moved\",\"status\":503}\n\n";

#[tokio::test]
async fn records_become_events_with_their_position_as_id() {
    let json = &[
        ("content-type", "application/json"),
        ("content-length", "9"),
    ];
    let shim = streaming(json, || vec![Ok(b"{\"n\":1}"), Ok(b"two\nlines")]).await;

    let answer = shim.send(get("/a")).await;

    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    assert_eq!(answer.headers()["cache-control"], "no-cache");
    assert_eq!(answer.headers()["x-request-id"], "request-1");
    assert_eq!(
        text(answer).await,
        "id: 0\ndata: {\"n\":1}\n\nid: 1\ndata: two\ndata: lines\n\n"
    );
}

#[tokio::test]
async fn a_stream_that_ends_badly_ends_with_its_problem() {
    let shim = streaming(&[], || vec![Ok(b"one"), Err(moved())]).await;

    let answer = shim.send(get("/a")).await;

    assert_eq!(text(answer).await, format!("id: 0\ndata: one\n\n{MOVED}"));
}

#[tokio::test]
async fn events_a_service_writes_itself_pass_as_they_are() {
    let events = &[("content-type", "text/event-stream; charset=utf-8")];
    let shim = streaming(events, || {
        vec![
            Ok(b"event: x\ndata: 1\n\n"),
            Ok(b"data: 2\n\n"),
            Err(moved()),
        ]
    })
    .await;

    let answer = shim.send(get("/a")).await;

    assert_eq!(
        answer.headers()["content-type"],
        "text/event-stream; charset=utf-8"
    );
    assert_eq!(
        text(answer).await,
        format!("event: x\ndata: 1\n\ndata: 2\n\n{MOVED}")
    );
}

#[tokio::test]
async fn an_error_reply_to_a_stream_request_is_passed_on_as_it_is() {
    let refused = &[(":status", "403"), ("content-type", "text/plain")];
    let shim = streaming(refused, || vec![Ok(b"not yours")]).await;

    let answer = shim.send(get("/a")).await;

    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(answer.headers()["content-type"], "text/plain");
    assert_eq!(text(answer).await, "not yours");
}

#[tokio::test]
async fn a_record_that_is_not_text_ends_the_stream_with_a_problem() {
    let shim = streaming(&[], || vec![Ok(b"one"), Ok(b"\xff"), Ok(b"three")]).await;

    let body = text(shim.send(get("/a")).await).await;

    assert!(
        body.starts_with("id: 0\ndata: one\n\nevent: error\n"),
        "{body}"
    );
    assert!(body.contains("record 1 is not UTF-8"), "{body}");
    assert!(!body.contains("three"), "{body}");
}

/// A service whose one stream sends what it is told to.
pub(crate) fn told(content_type: &'static str) -> (mpsc::Sender<Item>, Fake) {
    let (sender, receiver) = mpsc::channel::<Item>(8);
    let receiver = Mutex::new(Some(receiver));
    let fake = Fake::streams(move |_| {
        let mut receiver = receiver.lock().take().expect("one stream");
        let records = stream::poll_fn(move |cx| receiver.poll_recv(cx)).boxed();
        let response = Response::builder().header("content-type", content_type);
        Ok(response.body(records).unwrap())
    });
    (sender, fake)
}

pub(crate) fn record(seq: u32, payload: &'static str) -> Item {
    Ok(ReplyRecord {
        seq,
        payload: Bytes::from_static(payload.as_bytes()),
    })
}

#[tokio::test]
async fn a_stream_that_breaks_off_within_an_event_is_no_whole_body() {
    let (sender, fake) = told("text/event-stream");
    let shim = Running::start(ROUTE, fake).await;
    sender.send(record(0, "data: ha")).await.unwrap();
    let mut events = shim.send(get("/a")).await.into_body();
    let frame = events.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "data: ha");

    sender.send(Err(moved())).await.unwrap();

    assert!(events.collect().await.is_err());
}

#[tokio::test]
async fn each_event_arrives_before_the_next_record_exists() {
    let (sender, fake) = told("application/json");
    let shim = Running::start(ROUTE, fake).await;

    let mut events = shim.send(get("/a")).await.into_body();
    for (seq, expected) in [(0, "id: 0\ndata: x\n\n"), (1, "id: 1\ndata: x\n\n")] {
        sender.send(record(seq, "x")).await.unwrap();
        let frame = events.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), expected);
    }
}

#[tokio::test]
async fn a_drain_ends_open_streams_and_promises_nothing_of_the_rest() {
    let (sender, fake) = told("application/json");
    let mut shim = Running::start(ROUTE, fake).await;
    sender.send(record(0, "x")).await.unwrap();
    let mut events = shim.send(get("/a")).await.into_body();
    events.frame().await.unwrap().unwrap();

    shim.stop();

    let rest = events.collect().await.unwrap().to_bytes();
    let rest = std::str::from_utf8(&rest).unwrap();
    let problem = rest.strip_prefix("event: error\ndata: ").expect(rest);
    let problem: serde_json::Value = serde_json::from_str(problem).unwrap();
    assert_eq!(problem["type"], "urn:ipc:problem:draining");
    assert_eq!(problem["detail"], "ask again");
    assert_eq!(shim.ended().await.cut_off, 0);
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_stream() {
    let (sender, fake) = told("application/json");
    let shim = Running::start(ROUTE, fake).await;
    sender.send(record(0, "x")).await.unwrap();
    let mut events = shim.send(get("/a")).await.into_body();
    events.frame().await.unwrap().unwrap();

    drop(events);

    sender.closed().await;
}
