//! What a stop leaves behind.

use std::sync::Arc;

use axum::body::Body;
use http::{Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::support::{Fake, Running, get, text, within};

const ROUTE: &str = "[[routes]]\npath = \"/a\"\nservice = \"orders\"\n";

/// Services that say when a call has arrived and answer when told.
struct Held {
    arrived: Arc<Notify>,
    go: Arc<Notify>,
}

fn held() -> (Held, Fake) {
    let (arrived, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let held = Held {
        arrived: Arc::clone(&arrived),
        go: Arc::clone(&go),
    };
    let fake = Fake::calls(move |_| {
        let (arrived, go) = (Arc::clone(&arrived), Arc::clone(&go));
        async move {
            arrived.notify_one();
            go.notified().await;
            Ok(Response::new(Body::from("done")))
        }
    });
    (held, fake)
}

/// Waits until a probe is answered with this status: the drain has begun.
async fn until_ready_is(shim: &Running, status: StatusCode) -> String {
    loop {
        let answer = shim.probe("/readyz").await;
        let found = answer.status();
        let body = text(answer).await;
        if found == status {
            return body;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_request_under_way_is_answered_and_nothing_more_is_accepted() {
    let (held, fake) = held();
    let mut shim = Running::start(ROUTE, fake).await;
    let mut answers = JoinSet::new();
    answers.spawn(shim.sending(get("/a")));
    held.arrived.notified().await;

    shim.stop();
    let body = until_ready_is(&shim, StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(body, r#"{"ok":false,"reasons":["draining"],"warnings":[]}"#);
    while TcpStream::connect(shim.address).await.is_ok() {
        tokio::task::yield_now().await;
    }

    held.go.notify_one();
    let answer = answers.join_next().await.unwrap().unwrap();
    assert_eq!(text(answer).await, "done");
    assert_eq!(shim.ended().await.cut_off, 0);
}

#[tokio::test]
async fn a_connection_without_a_request_does_not_hold_the_drain_up() {
    let mut shim = Running::start(ROUTE, Fake::telling(|_| "x".to_owned())).await;
    let _silent = TcpStream::connect(shim.address).await.unwrap();
    // The client keeps this connection open.
    assert_eq!(text(shim.send(get("/a")).await).await, "x");

    shim.stop();

    assert_eq!(shim.ended().await.cut_off, 0);
}

#[tokio::test]
async fn a_request_that_outlasts_the_bound_is_cut_off() {
    let (held, fake) = held();
    let text = format!("drain = \"50ms\"\n{ROUTE}");
    let mut shim = Running::start(&text, fake).await;
    let mut answers = JoinSet::new();
    answers.spawn(shim.sending(get("/a")));
    held.arrived.notified().await;

    shim.stop();

    assert_eq!(shim.ended().await.cut_off, 1);
}

#[tokio::test]
async fn requests_are_served_while_load_balancers_notice_the_stop() {
    let text_of = format!("drain_delay = \"1h\"\n{ROUTE}");
    let mut shim = Running::start(&text_of, Fake::telling(|_| "x".to_owned())).await;

    shim.stop();
    within(until_ready_is(&shim, StatusCode::SERVICE_UNAVAILABLE)).await;

    for _ in 0..3 {
        let answer = shim.send_raw(b"GET /a HTTP/1.1\r\nhost: s\r\nconnection: close\r\n\r\n");
        let answer = within(answer).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

#[tokio::test]
async fn a_drain_goes_on_after_its_delay() {
    let text_of = format!("drain_delay = \"20ms\"\n{ROUTE}");
    let mut shim = Running::start(&text_of, Fake::silent()).await;

    shim.stop();

    assert_eq!(within(shim.ended()).await.cut_off, 0);
}

/// A frame of HTTP/2: its type, its flags and what it says.
async fn frame(stream: &mut TcpStream) -> Option<(u8, u8, Vec<u8>)> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; usize::try_from(length).expect("it is short")];
    stream.read_exact(&mut payload).await.ok()?;
    Some((head[3], head[4], payload))
}

#[tokio::test]
async fn a_connection_of_http_2_is_told_to_go_away() {
    const SETTINGS: u8 = 4;
    const PING: u8 = 6;
    const GO_AWAY: u8 = 7;
    const ACK: u8 = 1;
    let mut shim = Running::start(ROUTE, Fake::silent()).await;
    let mut client = TcpStream::connect(shim.address).await.unwrap();
    client
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    client
        .write_all(&[0, 0, 0, SETTINGS, 0, 0, 0, 0, 0])
        .await
        .unwrap();
    let (kind, ..) = within(frame(&mut client)).await.expect("it answers");
    assert_eq!(kind, SETTINGS);

    shim.stop();

    let mut went_away = None;
    while let Some((kind, flags, payload)) = within(frame(&mut client)).await {
        if kind == PING && flags & ACK == 0 {
            let head = [0, 0, 8, PING, ACK, 0, 0, 0, 0];
            client
                .write_all(&[&head[..], &payload].concat())
                .await
                .unwrap();
        }
        if kind == GO_AWAY {
            went_away = Some(payload[4..8].to_vec());
        }
    }
    // No error.
    assert_eq!(went_away, Some(vec![0; 4]));
    assert_eq!(within(shim.ended()).await.cut_off, 0);
}
