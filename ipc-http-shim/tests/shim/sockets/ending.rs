//! How WebSockets end.

use futures_util::{SinkExt, StreamExt};
use ipc_core::envelope::Problem;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};

use super::{ROUTE, System, ended, heard, reply};
use crate::support::within;

async fn counted(system: &System, end: &str) {
    let line = format!("ipc_shim_sockets_ended_total{{route=\"/rooms/{{room}}\",end=\"{end}\"}} 1");
    system.shim.counted(&line).await;
}

#[tokio::test]
async fn the_end_of_the_replies_is_a_good_end() {
    let mut system = System::start(ROUTE).await;
    let (mut client, replies) = system.open().await;
    replies.send(reply(1, b"last")).await.expect("it is read");

    drop(replies);

    assert_eq!(heard(&mut client).await, Message::text("last"));
    assert_eq!(ended(&mut client).await, (CloseCode::Normal, String::new()));
    assert!(within(client.next()).await.is_none());
    counted(&system, "complete").await;
}

#[tokio::test]
async fn replies_that_break_off_are_told_with_why() {
    let mut system = System::start(ROUTE).await;
    let (mut client, replies) = system.open().await;

    let moved = Problem::new("moved", "the stream moved", 503).with_private("a secret");
    replies.send(Err(moved)).await.expect("it is read");

    let told = (CloseCode::Error, "the stream moved".to_owned());
    assert_eq!(ended(&mut client).await, told);
}

#[tokio::test]
async fn a_reply_that_is_no_text_where_text_was_said_ends_it() {
    let mut system = System::start(ROUTE).await;
    let (mut client, replies) = system.open().await;

    replies.send(reply(1, &[0xff])).await.expect("it is read");

    assert_eq!(ended(&mut client).await.0, CloseCode::Error);
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_replies() {
    let mut system = System::start(ROUTE).await;
    let (mut client, replies) = system.open().await;

    client.close(None).await.expect("it is taken");

    within(replies.closed()).await;
    assert!(matches!(heard(&mut client).await, Message::Close(_)));
    counted(&system, "left").await;
    let (client, replies) = system.open().await;
    drop(client);
    within(replies.closed()).await;
}

#[tokio::test]
async fn a_client_that_does_not_answer_is_gone() {
    let mut system = System::start(&format!("{ROUTE}websocket.ping = \"20ms\"\n")).await;
    // Nobody reads from it, and so it answers nothing.
    let (_client, replies) = system.open().await;

    within(replies.closed()).await;

    counted(&system, "silent").await;
}

#[tokio::test]
async fn a_drain_ends_it_at_once() {
    let mut system = System::start(ROUTE).await;
    let (mut client, replies) = system.open().await;

    system.shim.stop();

    assert_eq!(ended(&mut client).await.0, CloseCode::Away);
    within(replies.closed()).await;
    drop(client);
    assert_eq!(within(system.shim.ended()).await.cut_off, 0);
}

#[tokio::test]
async fn it_lasts_no_longer_than_it_may() {
    let mut system = System::start(&format!("{ROUTE}websocket.lifetime = \"20ms\"\n")).await;
    let (mut client, _replies) = system.open().await;

    assert_eq!(ended(&mut client).await.0, CloseCode::Away);
    counted(&system, "lifetime").await;
}

#[tokio::test]
async fn messages_that_are_not_taken_end_it_with_what_is_wrong() {
    let small = format!("{ROUTE}websocket.message_bytes = 10\n");
    let mute = ROUTE.replace("websocket.messages = \"/rooms/{room}/said\"\n", "");
    // A client must mask what it sends.
    let masked = FrameHeader {
        opcode: OpCode::Data(Data::Text),
        mask: Some([0; 4]),
        ..FrameHeader::default()
    };
    let not_text = Frame::from_payload(masked, vec![0xff].into());
    for (config, message, code, end) in [
        (
            &*small,
            Message::text("x".repeat(11)),
            CloseCode::Size,
            "too_big",
        ),
        (&*mute, Message::text("x"), CloseCode::Policy, "unwanted"),
        (
            ROUTE,
            Message::Frame(not_text),
            CloseCode::Invalid,
            "not_text",
        ),
    ] {
        let mut system = System::start(config).await;
        let (mut client, replies) = system.open().await;

        client.send(message).await.expect("it is taken");

        assert_eq!(ended(&mut client).await.0, code, "{end}");
        within(replies.closed()).await;
        assert!(system.said.try_recv().is_err(), "nothing is sent on");
        counted(&system, end).await;
    }
}

#[tokio::test]
async fn a_message_that_kafka_does_not_take_ends_it_so_that_the_client_comes_back() {
    let mut system = System::start(ROUTE).await;
    system.acknowledged.close();
    let (mut client, _replies) = system.open().await;

    client.send(Message::text("x")).await.expect("it is taken");

    let told = (CloseCode::Again, "the request was not sent".to_owned());
    assert_eq!(ended(&mut client).await, told);
    counted(&system, "unsent").await;
}
