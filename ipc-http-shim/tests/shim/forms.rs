//! Reply streams in the form that their clients ask for.

use axum::body::Body;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::streams::{ROUTE, moved, record, streaming, told};
use crate::support::{Running, get, text, within};

const LINES: &str = "application/x-ndjson";
const BYTES: &str = "application/octet-stream";

const MOVED: &str = "{\"urn:ipc:problem\":{\"type\":\"urn:ipc:problem:moved\",\
                     \"title\":\"the stream moved\",\"status\":503}}\n";

fn asking_for(form: &str) -> Request<Body> {
    let mut request = get("/a");
    let form = form.parse().expect("it is a value");
    request.headers_mut().insert("accept", form);
    request
}

async fn piece(answer: &mut Response<Incoming>) -> String {
    let frame = within(answer.body_mut().frame()).await.expect("a piece");
    let data = frame.expect("it is whole").into_data().expect("it is data");
    String::from_utf8(data.to_vec()).expect("it is text")
}

#[tokio::test]
async fn records_become_lines_where_a_client_asks_for_them() {
    let json = &[
        ("content-type", "application/json"),
        ("content-length", "9"),
    ];
    let shim = streaming(json, || {
        vec![Ok(b"{\n  \"n\": 1.0\n}"), Ok(b"two\nlines"), Ok(b"\xff")]
    })
    .await;

    for name in [LINES, "application/ndjson", "application/jsonl"] {
        let answer = shim.send(asking_for(name)).await;

        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], name);
        assert_eq!(answer.headers()["cache-control"], "no-cache");
        assert_eq!(answer.headers()["vary"], "accept");
        assert_eq!(answer.headers()["x-request-id"], "request-1");
        assert_eq!(
            text(answer).await,
            "{   \"n\": 1.0 }\n\"two\\nlines\"\n{\"base64\":\"/w==\"}\n"
        );
    }
    let answer = shim.send(asking_for("application/json, */*")).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
}

#[tokio::test]
async fn lines_that_end_badly_end_with_their_problem() {
    let shim = streaming(&[], || vec![Ok(b"1"), Err(moved())]).await;

    let answer = shim.send(asking_for(LINES)).await;

    assert_eq!(text(answer).await, format!("1\n{MOVED}"));
}

#[tokio::test]
async fn lines_a_service_writes_itself_pass_as_they_are() {
    let lines = &[("content-type", "application/x-ndjson; charset=utf-8")];
    let shim = streaming(lines, || {
        vec![Ok(b"1\n{\"n\""), Ok(b": 2}\n"), Err(moved())]
    })
    .await;

    let answer = shim.send(asking_for("application/jsonl")).await;

    assert_eq!(answer.headers()["content-type"], "application/jsonl");
    assert_eq!(text(answer).await, format!("1\n{{\"n\": 2}}\n{MOVED}"));
}

#[tokio::test]
async fn lines_that_break_off_within_one_are_no_whole_body() {
    let (sender, fake) = told(LINES);
    let shim = Running::start(ROUTE, fake).await;
    sender.send(record(0, "{\"n\"")).await.unwrap();
    let mut answer = shim.send(asking_for(LINES)).await;
    assert_eq!(piece(&mut answer).await, "{\"n\"");

    sender.send(Err(moved())).await.unwrap();

    assert!(within(answer.into_body().collect()).await.is_err());
}

#[tokio::test]
async fn bytes_follow_each_other_as_they_are() {
    let csv = &[("content-type", "text/csv"), ("cache-control", "no-store")];
    let shim = streaming(csv, || vec![Ok(b"a,b"), Ok(b",\xff"), Ok(b"\nc")]).await;

    let answer = shim.send(asking_for(BYTES)).await;

    assert_eq!(answer.headers()["content-type"], BYTES);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let body = within(answer.into_body().collect()).await.unwrap();
    assert_eq!(body.to_bytes(), &b"a,b,\xff\nc"[..]);
}

#[tokio::test]
async fn bytes_that_end_badly_are_no_whole_body() {
    let (sender, fake) = told("text/csv");
    let shim = Running::start(ROUTE, fake).await;
    sender.send(record(0, "a,b\n")).await.unwrap();
    let mut answer = shim.send(asking_for(BYTES)).await;
    assert_eq!(piece(&mut answer).await, "a,b\n");

    sender.send(Err(moved())).await.unwrap();

    assert!(within(answer.into_body().collect()).await.is_err());
}

#[tokio::test]
async fn events_and_errors_stay_what_they_are_whatever_is_asked_for() {
    let events = &[("content-type", "text/event-stream")];
    let events = streaming(events, || vec![Ok(b"data: 1\n\n")]).await;
    let refused = &[(":status", "403"), ("content-type", "text/plain")];
    let refused = streaming(refused, || vec![Ok(b"not yours")]).await;

    for form in [LINES, BYTES] {
        let answer = events.send(asking_for(form)).await;
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        assert_eq!(text(answer).await, "data: 1\n\n");

        let answer = refused.send(asking_for(form)).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        assert_eq!(answer.headers()["content-type"], "text/plain");
        assert_eq!(text(answer).await, "not yours");
    }
}

#[tokio::test]
async fn a_route_may_say_what_its_clients_ask_for() {
    let (sender, fake) = told("application/json");
    let config = format!("{ROUTE}[routes.request_headers]\nset = {{ accept = \"{LINES}\" }}\n");
    let shim = Running::start(&config, fake).await;
    sender.send(record(0, "1")).await.unwrap();

    let mut answer = shim.send(asking_for("text/event-stream")).await;

    assert_eq!(piece(&mut answer).await, "1\n");
}

#[tokio::test]
async fn each_piece_arrives_before_the_next_record_exists() {
    for (form, expected) in [(LINES, "1\n"), (BYTES, "1")] {
        let (sender, fake) = told("application/json");
        let shim = Running::start(ROUTE, fake).await;

        sender.send(record(0, "1")).await.unwrap();
        let mut answer = shim.send(asking_for(form)).await;
        assert_eq!(piece(&mut answer).await, expected);
        sender.send(record(1, "1")).await.unwrap();
        assert_eq!(piece(&mut answer).await, expected);
    }
}

#[tokio::test]
async fn a_drain_ends_open_lines_with_its_problem_and_breaks_bytes_off() {
    for form in [LINES, BYTES] {
        let (sender, fake) = told("application/json");
        let mut shim = Running::start(ROUTE, fake).await;
        sender.send(record(0, "1")).await.unwrap();
        let mut answer = shim.send(asking_for(form)).await;
        piece(&mut answer).await;

        shim.stop();

        match within(answer.into_body().collect()).await {
            Ok(rest) => {
                let rest = String::from_utf8(rest.to_bytes().to_vec()).unwrap();
                assert_eq!(form, LINES);
                assert!(rest.contains("urn:ipc:problem:draining"), "{rest}");
                assert!(!rest.contains("event"), "{rest}");
            }
            Err(_) => assert_eq!(form, BYTES),
        }
        assert_eq!(within(shim.ended()).await.cut_off, 0);
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_stream_in_any_form() {
    for form in [LINES, BYTES] {
        let (sender, fake) = told("application/json");
        let shim = Running::start(ROUTE, fake).await;
        sender.send(record(0, "1")).await.unwrap();
        let mut answer = shim.send(asking_for(form)).await;
        piece(&mut answer).await;

        drop(answer);

        within(sender.closed()).await;
    }
}
