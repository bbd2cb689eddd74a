//! How much body there is decides how it travels.

use std::convert::Infallible;
use std::task::Poll;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{Extension, IntoResponse};
use axum::routing::get;
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Full, StreamBody};
use ipc_core::dispatch::{BodyStream, Mode, Outcome, Reply, ReplyBody};
use ipc_core::envelope::{Accepts, Problem};
use ipc_core::http::{CHUNK_BYTES, RECORD_BYTES};
use ipc_core::response::{ReplyEnd, ReplyStream};
use serde_json::Value;
use tower::service_fn;

use crate::carry::{CALL, Sent, deliver, encode, outcome, whole};

const ONE_RECORD: Sent = Sent {
    accepts: Accepts {
        chunks: false,
        stream: false,
    },
    ..CALL
};

fn ask(method: &str) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri("/")
        .body(Body::empty())
        .unwrap()
}

/// The reply to a GET that is answered with `answer`.
async fn reply<R, F>(answer: F, sent: Sent) -> Reply
where
    R: IntoResponse,
    F: Fn() -> R + Clone + Send + Sync + 'static,
{
    let app = Router::new().route("/", get(move || async move { answer().into_response() }));
    match outcome(app, deliver(encode(ask("GET"), sent).await, sent.mode)).await {
        Outcome::Reply(reply) => reply,
        other => panic!("a call is always answered, not {other:?}"),
    }
}

fn full(body: ReplyBody) -> Bytes {
    match body {
        ReplyBody::Full(bytes) => bytes,
        other => panic!("expected one record, not {other:?}"),
    }
}

fn stream(body: ReplyBody) -> BodyStream {
    match body {
        ReplyBody::Stream(pieces) => pieces,
        other => panic!("expected a stream, not {other:?}"),
    }
}

fn chunked(body: ReplyBody) -> BodyStream {
    match body {
        ReplyBody::Chunked(pieces) => pieces,
        other => panic!("expected chunks, not {other:?}"),
    }
}

fn frames(frames: &'static [&'static str]) -> Body {
    Body::from_stream(stream::iter(
        frames.iter().map(|text| Ok::<_, Infallible>(*text)),
    ))
}

/// `count` frames of 1 KiB, of which nobody knows the count beforehand.
fn kibibytes(count: usize) -> Body {
    let frames = std::iter::repeat_n(Ok::<_, Infallible>(Bytes::from_static(&[7; 1024])), count);
    Body::from_stream(stream::iter(frames))
}

async fn texts(pieces: BodyStream) -> Vec<Bytes> {
    pieces
        .map(|piece| piece.expect("the body does not break off"))
        .collect()
        .await
}

fn problem(reply: Reply) -> (u16, Value) {
    (
        reply.status,
        serde_json::from_slice(&full(reply.body)).unwrap(),
    )
}

#[tokio::test]
async fn a_chunk_s_worth_is_one_record_and_more_is_chunks() {
    let just = reply(|| vec![1; CHUNK_BYTES], CALL).await;
    assert_eq!(full(just.body).len(), CHUNK_BYTES);
    let more = reply(|| vec![1; CHUNK_BYTES + 1], CALL).await;
    assert_eq!(whole(chunked(more.body)).await.len(), CHUNK_BYTES + 1);
}

#[tokio::test]
async fn an_unknown_length_becomes_chunks_once_it_outgrows_a_record() {
    let just = reply(|| kibibytes(512), CALL).await;
    assert_eq!(full(just.body).len(), CHUNK_BYTES);
    let more = reply(|| kibibytes(513), CALL).await;
    assert_eq!(whole(chunked(more.body)).await.len(), 513 * 1024);
}

#[tokio::test]
async fn a_caller_that_reads_one_record_gets_one_or_a_problem() {
    let just = reply(|| kibibytes(900), ONE_RECORD).await;
    assert_eq!(full(just.body).len(), RECORD_BYTES);
    for too_large in [
        reply(|| kibibytes(901), ONE_RECORD).await,
        reply(|| vec![1; RECORD_BYTES + 1], ONE_RECORD).await,
    ] {
        let (status, problem) = problem(too_large);
        assert_eq!(status, 502);
        assert_eq!(problem["type"], "urn:ipc:problem:reply-too-large");
        assert_eq!(problem["correlationId"], "call-1");
    }
}

#[tokio::test]
async fn an_endless_body_does_not_fill_the_memory_of_a_caller_that_reads_one_record() {
    let endless = || {
        let frame = Ok::<_, Infallible>(Bytes::from_static(&[7; 1024]));
        Body::from_stream(stream::repeat(frame))
    };
    let (status, _) = problem(reply(endless, ONE_RECORD).await);
    assert_eq!(status, 502);
}

#[tokio::test]
async fn stream_media_types_and_the_marker_stream_one_record_per_frame() {
    let lines = || {
        (
            [(header::CONTENT_TYPE, "application/x-ndjson")],
            frames(&["1\n", "", "2\n"]),
        )
    };
    let pieces = stream(reply(lines, CALL).await.body);
    assert_eq!(texts(pieces).await, ["1\n", "2\n"]);

    let marked = || (Extension(ReplyStream), frames(&["a", "b"]));
    let pieces = stream(reply(marked, CALL).await.body);
    assert_eq!(texts(pieces).await, ["a", "b"]);

    let plain = || frames(&["a", "b"]);
    let asked = Sent {
        mode: Mode::Stream,
        ..CALL
    };
    let pieces = stream(reply(plain, asked).await.body);
    assert_eq!(texts(pieces).await, ["a", "b"]);
}

#[tokio::test]
async fn an_untouched_sse_handler_streams() {
    let events = || {
        let events = ["one", "two"].map(|data| Ok::<_, Infallible>(Event::default().data(data)));
        Sse::new(stream::iter(events))
    };
    let reply = reply(events, CALL).await;
    assert_eq!(
        reply.headers.get_str("content-type"),
        Some("text/event-stream")
    );
    let pieces = texts(stream(reply.body)).await;
    assert_eq!(pieces, ["data: one\n\n", "data: two\n\n"]);
}

#[tokio::test]
async fn a_caller_that_reads_no_streams_gets_them_whole() {
    let marked = || (Extension(ReplyStream), frames(&["a", "b"]));
    assert_eq!(full(reply(marked, ONE_RECORD).await.body), "ab");
    let chunks_only = Sent {
        accepts: Accepts {
            chunks: true,
            stream: false,
        },
        ..CALL
    };
    assert_eq!(full(reply(marked, chunks_only).await.body), "ab");
}

#[tokio::test]
async fn a_stream_endpoint_that_refuses_answers_once() {
    let asked = Sent {
        mode: Mode::Stream,
        ..CALL
    };
    let refused = reply(|| (StatusCode::NOT_FOUND, "no such order"), asked).await;
    assert_eq!(refused.status, 404);
    assert_eq!(full(refused.body), "no such order");
}

/// A reply stream that ends with a problem document as its last frame.
fn failing_stream() -> impl IntoResponse {
    let end = ReplyEnd::default();
    let ending = end.clone();
    let mut count = 0;
    let frames = stream::poll_fn(move |_| {
        count += 1;
        Poll::Ready(match count {
            1 => Some(Ok::<_, Infallible>(Bytes::from_static(b"first"))),
            2 => {
                let problem = Problem::new("sold-out", "nothing is left", 409);
                let document = problem.to_json();
                ending.fail(problem);
                Some(Ok(document))
            }
            _ => None,
        })
    });
    (
        Extension(ReplyStream),
        Extension(end),
        Body::from_stream(frames),
    )
}

#[tokio::test]
async fn the_problem_that_ends_a_stream_is_its_error() {
    let pieces: Vec<_> = stream(reply(failing_stream, CALL).await.body)
        .collect()
        .await;
    assert_eq!(pieces.len(), 2);
    assert_eq!(pieces[0].as_ref().unwrap(), "first");
    assert_eq!(pieces[1].as_ref().unwrap_err().0.name(), "sold-out");

    let collected = reply(failing_stream, ONE_RECORD).await;
    assert_eq!(problem(collected).0, 409);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_problem_and_keeps_its_reason_private() {
    let broken = || {
        let frames = [Ok("begun"), Err(std::io::Error::other("secret"))];
        Body::from_stream(stream::iter(frames))
    };
    let (status, document) = problem(reply(broken, CALL).await);
    assert_eq!(status, 500);
    assert_eq!(document["type"], "urn:ipc:problem:reply-broke-off");
    assert!(!document.to_string().contains("secret"));

    let asked = Sent {
        mode: Mode::Stream,
        ..CALL
    };
    let pieces: Vec<_> = stream(reply(broken, asked).await.body).collect().await;
    let error = &pieces.last().unwrap().as_ref().unwrap_err().0;
    assert_eq!(error.name(), "reply-broke-off");
    assert!(
        error
            .private()
            .is_some_and(|private| private.contains("secret"))
    );
}

#[tokio::test]
async fn a_panic_is_a_problem_wherever_it_happens() {
    let handler = || -> StatusCode { panic!("secret") };
    let (status, document) = problem(reply(handler, CALL).await);
    assert_eq!(status, 500);
    assert_eq!(document["type"], "urn:ipc:problem:panic");
    assert!(!document.to_string().contains("secret"));

    let body = || {
        Body::from_stream(stream::poll_fn(
            |_| -> Poll<Option<Result<Bytes, Infallible>>> { panic!("secret") },
        ))
    };
    assert_eq!(problem(reply(body, CALL).await).0, 500);

    let asked = Sent {
        mode: Mode::Stream,
        ..CALL
    };
    let mut pieces = stream(reply(body, asked).await.body);
    assert_eq!(pieces.next().await.unwrap().unwrap_err().0.name(), "panic");
    assert!(pieces.next().await.is_none());
}

#[tokio::test]
async fn trailers_are_dropped() {
    let trailed = || {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", "0".parse().unwrap());
        let frames = [
            Ok::<_, Infallible>(http_body::Frame::data(Bytes::from_static(b"data"))),
            Ok(http_body::Frame::trailers(trailers)),
        ];
        let mut response = Response::new(Body::new(StreamBody::new(stream::iter(frames))));
        let named = header::HeaderValue::from_static("grpc-status");
        response.headers_mut().insert(header::TRAILER, named);
        response
    };
    let reply = reply(trailed, CALL).await;
    assert!(reply.headers.is_empty());
    assert_eq!(full(reply.body), "data");
}

#[tokio::test]
async fn any_http_service_is_served_as_by_an_http_server() {
    let answer = |status: u16| {
        service_fn(move |_: Request<Body>| async move {
            let body = Full::new(Bytes::from_static(b"measured")).boxed_unsync();
            Ok::<_, Infallible>(Response::builder().status(status).body(body).unwrap())
        })
    };
    for (method, status, length, body) in [
        ("GET", 200, None, &b"measured"[..]),
        ("HEAD", 200, Some("8"), b""),
        ("HEAD", 304, None, b""),
        ("GET", 204, None, b""),
        ("GET", 304, None, b""),
    ] {
        let delivery = deliver(encode(ask(method), CALL).await, Mode::Call);
        let Outcome::Reply(reply) = outcome(answer(status), delivery).await else {
            panic!("a call is always answered");
        };
        assert_eq!(reply.status, status);
        assert_eq!(
            reply.headers.get_str("content-length"),
            length,
            "{method} {status}"
        );
        assert_eq!(full(reply.body), body, "{method} {status}");
    }
}
