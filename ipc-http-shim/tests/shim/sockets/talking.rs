//! What is said on WebSockets.

use futures_util::{SinkExt, StreamExt};
use http::Response;
use tokio_tungstenite::tungstenite::Message;

use super::{ROUTE, System, asking, connected, heard, reply};
use crate::support::within;

#[tokio::test]
async fn replies_are_messages_and_messages_are_requests_of_the_same_key() {
    let mut system = System::start(ROUTE).await;
    let (mut client, replies) = system.open().await;

    replies.send(reply(1, b"one")).await.expect("it is read");
    assert_eq!(heard(&mut client).await, Message::text("one"));
    client
        .send(Message::text("hello"))
        .await
        .expect("it is taken");
    client
        .send(Message::binary(vec![0xff, 0]))
        .await
        .expect("it is taken");
    replies.send(reply(2, b"two")).await.expect("it is read");
    assert_eq!(heard(&mut client).await, Message::text("two"));

    for (payload, content_type) in [
        (&b"hello"[..], "text/plain; charset=utf-8"),
        (&[0xff, 0], "application/octet-stream"),
    ] {
        let said = within(system.said.recv()).await.expect("it is sent on");
        assert_eq!(said.body, payload);
        assert_eq!(&*said.service, "chat");
        assert_eq!(said.head.method, "POST");
        assert_eq!(said.head.uri, "/rooms/blue/said");
        assert_eq!(said.key.as_deref(), Some(&b"blue"[..]));
        assert_eq!(said.head.headers["content-type"], content_type);
        assert_eq!(said.head.headers["x-websocket-id"], "request-1");
    }
    for line in [
        "ipc_shim_sockets_open{route=\"/rooms/{room}\"} 1",
        "ipc_shim_socket_messages_total{route=\"/rooms/{room}\",direction=\"to_client\"} 2",
        "ipc_shim_socket_messages_total{route=\"/rooms/{room}\",direction=\"to_service\"} 2",
        "ipc_shim_requests_total{route=\"/rooms/{room}\",mode=\"websocket\",status=\"1xx\"} 1",
    ] {
        system.shim.counted(line).await;
    }
}

#[tokio::test]
async fn replies_that_are_no_text_are_binary_messages() {
    let mut system = System::answering(ROUTE, |_| {
        Response::builder().header("content-type", "application/cbor")
    })
    .await;
    let (mut client, replies) = system.open().await;

    replies.send(reply(1, &[0xff])).await.expect("it is read");

    assert_eq!(heard(&mut client).await, Message::binary(vec![0xff]));
}

#[tokio::test]
async fn messages_without_a_key_have_that_of_their_web_socket() {
    let mut system = System::start(&format!("{ROUTE}key = \"none\"\n")).await;
    let mut client = connected(&system.shim, asking("/rooms/blue")).await;
    let (seen, _replies) = within(system.opened.recv()).await.expect("it is asked");
    assert_eq!(seen.key, None);

    client
        .send(Message::text("hello"))
        .await
        .expect("it is taken");

    let said = within(system.said.recv()).await.expect("it is sent on");
    assert_eq!(said.key.as_deref(), Some(&b"request-1"[..]));
}

#[tokio::test]
async fn a_message_is_not_taken_before_the_one_ahead_of_it_is_in_the_log() {
    let mut system = System::start(ROUTE).await;
    let permits = system.acknowledged.forget_permits(100);
    assert_eq!(permits, 100);
    let (mut client, replies) = system.open().await;

    for text in ["one", "two"] {
        client.send(Message::text(text)).await.expect("it is taken");
    }
    let first = within(system.said.recv()).await.expect("it is sent on");
    assert_eq!(&*first.body, b"one");
    // The other direction does not wait for it.
    replies.send(reply(1, b"reply")).await.expect("it is read");
    assert_eq!(heard(&mut client).await, Message::text("reply"));
    assert!(system.said.try_recv().is_err(), "one is under way");

    system.acknowledged.add_permits(2);
    let second = within(system.said.recv()).await.expect("it is sent on");
    assert_eq!(&*second.body, b"two");
}

#[tokio::test]
async fn a_client_that_answers_pings_keeps_its_web_socket() {
    let mut system = System::start(&format!("{ROUTE}websocket.ping = \"20ms\"\n")).await;
    let (mut client, replies) = system.open().await;

    let mut pings = 0;
    while pings < 4 {
        let message = within(client.next()).await.expect("a message");
        pings += usize::from(message.expect("it is whole").is_ping());
    }
    replies.send(reply(1, b"still")).await.expect("it is read");

    assert_eq!(heard(&mut client).await, Message::text("still"));
}
