//! How many connections there may be, and how long they may take over a request.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Response, StatusCode};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::support::{Fake, Legacy, Raw, Running, get, running_config, text, within};

const ROUTE: &str = "[[routes]]\npath = \"/a\"\nservice = \"orders\"\n";
const REQUEST: &str = "GET /a HTTP/1.1\r\nhost: s\r\n\r\n";

/// How an HTTP/2 client begins: the preface, and settings that are the usual ones.
const HTTP2: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn with(limits: &str) -> String {
    format!("[limits]\n{limits}\n{ROUTE}")
}

fn served() -> Fake {
    Fake::telling(|_| "served".to_owned())
}

/// Waits until the metrics have this line.
async fn until_shown(shim: &Running, line: &str) {
    within(async {
        while !text(shim.probe("/metrics").await)
            .await
            .lines()
            .any(|found| found == line)
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_never_finishes_its_first_head_is_closed() {
    let shim = Running::start(&with("header_timeout = \"50ms\""), served()).await;

    for begin in ["", "G", "PRI * HT", "GET /a HTTP/1.1\r\nhost: s\r\n"] {
        let mut slow = Raw::open(shim.address).await;
        slow.send(begin).await;
        assert_eq!(slow.rest().await, "", "{begin}");
    }

    until_shown(
        &shim,
        "ipc_shim_connections_timed_out_total{awaited=\"header\"} 4",
    )
    .await;
}

#[tokio::test]
async fn a_connection_without_a_further_request_is_closed_however_its_head_drips() {
    let shim = Running::start(&with("idle_timeout = \"50ms\""), served()).await;

    for begin in ["", "GET /a HT"] {
        let mut idle = Raw::open(shim.address).await;
        idle.send(REQUEST).await;
        assert!(idle.answer().await.starts_with("HTTP/1.1 200 "));
        idle.send(begin).await;
        assert_eq!(idle.rest().await, "", "{begin}");
    }

    until_shown(
        &shim,
        "ipc_shim_connections_timed_out_total{awaited=\"request\"} 2",
    )
    .await;
}

#[tokio::test]
async fn an_http2_connection_without_a_request_is_closed() {
    let shim = Running::start(&with("header_timeout = \"50ms\""), served()).await;
    let mut idle = Raw::open(shim.address).await;

    idle.send(HTTP2).await;
    idle.rest().await;

    until_shown(
        &shim,
        "ipc_shim_connections_timed_out_total{awaited=\"header\"} 1",
    )
    .await;
}

#[tokio::test]
async fn a_body_that_drips_is_408_on_its_way_to_a_service_and_to_the_legacy_server() {
    let legacy = Legacy::start(Router::new().fallback(async |body: String| body)).await;
    let limits = with("body_timeout = \"50ms\"");
    let shim = Running::start_before(&limits, Fake::silent(), legacy.address).await;

    for path in ["/a", "/elsewhere"] {
        let mut slow = Raw::open(shim.address).await;
        slow.send(format!(
            "POST {path} HTTP/1.1\r\nhost: s\r\ncontent-length: 10\r\n\r\nab"
        ))
        .await;
        let answer = slow.answer().await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{path}: {answer}");
        assert!(answer.contains("urn:ipc:problem:body-too-slow"), "{answer}");
    }
}

#[tokio::test]
async fn a_connection_for_which_there_is_no_place_is_told_503_and_counted() {
    let shim = Running::start(&with("connections = 2"), served()).await;
    let mut first = Raw::open(shim.address).await;
    let mut second = Raw::open(shim.address).await;
    for connection in [&mut first, &mut second] {
        connection.send(REQUEST).await;
        connection.answer().await;
    }

    let mut third = Raw::open(shim.address).await;
    third.send(REQUEST).await;
    let refused = third.rest().await;

    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(refused.contains("\r\nretry-after: 1\r\n"), "{refused}");
    assert!(refused.contains("urn:ipc:problem:too-many-connections"));
    until_shown(&shim, "ipc_shim_connections 2").await;
    until_shown(
        &shim,
        "ipc_shim_connections_refused_total{bound=\"total\"} 1",
    )
    .await;

    drop(first);
    until_shown(&shim, "ipc_shim_connections 1").await;
    assert_eq!(shim.send(get("/a")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn connections_of_one_address_have_a_bound_that_holds_as_soon_as_it_is_changed() {
    let shim = Running::start(&with(""), served()).await;
    let mut first = Raw::open(shim.address).await;
    first.send(REQUEST).await;
    first.answer().await;

    let bounded = running_config(&with("connections_per_address = 1"));
    shim.live.change(&bounded).expect("it is in order");
    let mut second = Raw::open(shim.address).await;
    second.send(REQUEST).await;

    let refused = second.rest().await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    until_shown(
        &shim,
        "ipc_shim_connections_refused_total{bound=\"address\"} 1",
    )
    .await;
    first.send(REQUEST).await;
    assert!(first.answer().await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn http2_clients_are_told_how_many_requests_they_may_have_under_way() {
    const STREAMS: [u8; 6] = [0, 3, 0, 0, 0, 7];
    let shim = Running::start(&with("streams = 7"), served()).await;
    let mut client = Raw::open(shim.address).await;

    client.send(HTTP2).await;
    let head = client.bytes(9).await;
    let length = usize::from(head[1]) << 8 | usize::from(head[2]);
    let settings = client.bytes(length).await;

    assert_eq!(head[3], 4, "the first frame has the settings");
    assert!(
        settings.chunks(6).any(|setting| setting == STREAMS),
        "{settings:?}"
    );
}

#[tokio::test]
async fn a_url_over_the_limit_is_414_in_both_versions_of_http() {
    let shim = Running::start(&with("url = 10"), served()).await;

    assert_eq!(shim.send(get("/a?x=67890")).await.status(), StatusCode::OK);
    let long = shim.send(get("/a?x=678901")).await;
    assert_eq!(long.status(), StatusCode::URI_TOO_LONG);
    assert!(text(long).await.contains("at most 10 are taken"));
    let long = shim.send_http2(get("/a?x=678901")).await;
    assert_eq!(long.status(), StatusCode::URI_TOO_LONG);
}

#[tokio::test]
async fn a_request_under_way_keeps_its_connection_beyond_every_timeout() {
    let (arrived, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let fake = {
        let (arrived, go) = (Arc::clone(&arrived), Arc::clone(&go));
        Fake::calls(move |_| {
            let (arrived, go) = (Arc::clone(&arrived), Arc::clone(&go));
            async move {
                arrived.notify_one();
                go.notified().await;
                Ok(Response::new(Body::from("late")))
            }
        })
    };
    let limits = with("header_timeout = \"20ms\"\nidle_timeout = \"20ms\"");
    let shim = Running::start(&limits, fake).await;
    let mut answers = JoinSet::new();
    answers.spawn(shim.sending(get("/a")));
    within(arrived.notified()).await;

    // Others come and are closed in the meantime.
    for _ in 0..3 {
        assert_eq!(Raw::open(shim.address).await.rest().await, "");
    }
    go.notify_one();

    let answer = within(answers.join_next()).await.expect("one was sent");
    assert_eq!(text(answer.expect("no panic")).await, "late");
}
