//! What is too large, and what cannot be passed on.

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;

use crate::support::{Fake, Running, get, post, text};

const SMALL: &str = r#"
[limits]
body = 10
header_bytes = "1KiB"
header_count = 5

[[routes]]
path = "/a"
service = "orders"
"#;

async fn small(fake: Fake) -> Running {
    Running::start(SMALL, fake).await
}

fn unsized_body(pieces: &'static [&'static str]) -> Body {
    let pieces = pieces
        .iter()
        .map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece.as_bytes())));
    Body::from_stream(stream::iter(pieces))
}

#[tokio::test]
async fn a_body_at_the_limit_passes() {
    let shim = small(Fake::telling(|seen| format!("{}", seen.body.len()))).await;

    assert_eq!(text(shim.send(post("/a", "0123456789")).await).await, "10");
    let streamed = shim
        .send(post("/a", unsized_body(&["01234", "56789"])))
        .await;
    assert_eq!(text(streamed).await, "10");
}

#[tokio::test]
async fn a_body_that_says_it_is_over_the_limit_is_413_unread() {
    let shim = small(Fake::silent()).await;

    let answer = shim
        .send_raw(b"POST /a HTTP/1.1\r\nhost: s\r\ncontent-length: 11\r\nconnection: close\r\n\r\n")
        .await;

    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("at most 10 bytes are taken"), "{answer}");
}

#[tokio::test]
async fn a_body_that_turns_out_over_the_limit_is_413() {
    let shim = small(Fake::silent()).await;

    let answer = shim
        .send(post("/a", unsized_body(&["012345", "678901"])))
        .await;

    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(
        text(answer)
            .await
            .contains("urn:ipc:problem:body-too-large")
    );
}

#[tokio::test]
async fn more_headers_than_the_limit_are_431() {
    let shim = small(Fake::silent()).await;

    let mut request = get("/a");
    for index in 0..6 {
        let name = http::HeaderName::try_from(format!("x-{index}")).unwrap();
        request.headers_mut().insert(name, "1".parse().unwrap());
    }
    let answer = shim.send(request).await;

    assert_eq!(answer.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert!(text(answer).await.contains("at most 5 are taken"));
}

#[tokio::test]
async fn larger_headers_than_the_limit_are_431_in_both_versions_of_http() {
    let shim = small(Fake::silent()).await;
    let large = || {
        let mut request = get("/a");
        let value = "x".repeat(1024).parse().unwrap();
        request.headers_mut().insert("x-large", value);
        request
    };

    let http1 = shim.send(large()).await;
    let http2 = shim.send_http2(large()).await;

    assert_eq!(http1.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(http2.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert!(text(http2).await.contains("at most 1024 are taken"));
}

#[tokio::test]
async fn what_cannot_cross_a_log_is_501() {
    let shim = small(Fake::silent()).await;

    for head in [
        "GET /a HTTP/1.1\r\nupgrade: websocket\r\nconnection: upgrade, close",
        "CONNECT shop:443 HTTP/1.1\r\nconnection: close",
        "POST /a HTTP/1.1\r\ntrailer: x-sum\r\ncontent-length: 0\r\nconnection: close",
    ] {
        let answer = shim
            .send_raw(format!("{head}\r\nhost: s\r\n\r\n").as_bytes())
            .await;
        assert!(answer.starts_with("HTTP/1.1 501 "), "{head}: {answer}");
        assert!(answer.contains("urn:ipc:problem:not-supported"), "{answer}");
    }
}

#[tokio::test]
async fn an_offer_of_another_http_version_is_left_alone() {
    let shim = small(Fake::telling(|_| "served".to_owned())).await;

    for offer in ["h2c", "h2,h2c", "h2", "HTTP/2.0"] {
        let answer = shim
            .send_raw(
                format!(
                    "GET /a HTTP/1.1\r\nhost: s\r\nupgrade: {offer}\r\n\
                     http2-settings: AAMAAABkAAQ\r\n\
                     connection: upgrade, http2-settings, close\r\n\r\n"
                )
                .as_bytes(),
            )
            .await;

        assert!(answer.starts_with("HTTP/1.1 200 "), "{offer}: {answer}");
    }
}
