//! Connections that a client and the legacy upstream upgrade to another protocol.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Authority, Fake, Http, Running, get, text, within};

const ASK: &[u8] = b"GET /any HTTP/1.1\r\nhost: s\r\nupgrade: echo\r\n\
                     connection: keep-alive, Upgrade\r\n\r\n";

/// A server that takes any connection over and gives back what it is sent, after a
/// greeting.
struct Echo {
    address: SocketAddr,
    /// The heads of the requests that it was asked with.
    asked: mpsc::Receiver<String>,
    _serving: JoinSet<()>,
}

/// Reads a head, to its empty line.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a head"));
    }
    String::from_utf8(head).expect("it is text")
}

impl Echo {
    async fn start() -> Self {
        Self::answering("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\nx-mine: 1\r\n\r\nhello ").await
    }

    async fn answering(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it has an address");
        let (tell, asked) = mpsc::channel(8);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let tell = tell.clone();
                connections.spawn(async move {
                    let head = head(&mut stream).await;
                    tell.send(head).await.expect("the test waits for it");
                    let (mut from, mut to) = stream.split();
                    to.write_all(answer.as_bytes()).await.expect("it is taken");
                    // A client may leave without a word.
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        Self {
            address,
            asked,
            _serving: serving,
        }
    }
}

/// A client whose connection has been upgraded.
async fn upgraded(shim: &Running) -> (TcpStream, String) {
    let mut client = TcpStream::connect(shim.address)
        .await
        .expect("a connection");
    client.write_all(ASK).await.expect("it is taken");
    let answer = head(&mut client).await;
    (client, answer)
}

async fn read(stream: &mut TcpStream, length: usize) -> String {
    let mut told = vec![0; length];
    within(stream.read_exact(&mut told))
        .await
        .expect("it comes");
    String::from_utf8(told).expect("it is text")
}

#[tokio::test]
async fn bytes_pass_both_ways_once_the_upstream_has_switched() {
    let mut echo = Echo::start().await;
    let shim = Running::start_before("", Fake::silent(), echo.address).await;

    let (mut client, answer) = within(upgraded(&shim)).await;

    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    for header in [
        "connection: upgrade\r\n",
        "upgrade: echo\r\n",
        "x-mine: 1\r\n",
    ] {
        assert!(answer.contains(header), "{answer}");
    }
    let asked = echo.asked.recv().await.expect("it was asked");
    assert!(asked.contains("\r\nconnection: upgrade\r\n"), "{asked}");
    assert!(asked.contains("\r\nupgrade: echo\r\n"), "{asked}");
    assert!(
        asked.contains("\r\nx-forwarded-for: 127.0.0.1\r\n"),
        "{asked}"
    );

    assert_eq!(read(&mut client, 6).await, "hello ");
    for piece in ["one", "two", "three"] {
        client.write_all(piece.as_bytes()).await.unwrap();
        assert_eq!(read(&mut client, piece.len()).await, piece);
    }
    let metrics = text(shim.probe("/metrics").await).await;
    assert!(metrics.contains("\nipc_shim_tunnels_open 1\n"), "{metrics}");

    // The end of one side is passed on, and comes back.
    client.shutdown().await.unwrap();
    let mut rest = Vec::new();
    within(client.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn a_web_socket_is_spoken_through_the_gateway() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() || message.is_binary() {
                socket.send(message).await.unwrap();
            }
        }
    });
    let shim = Running::start_before("", Fake::silent(), address).await;
    let stream = TcpStream::connect(shim.address).await.unwrap();
    let connecting = tokio_tungstenite::client_async("ws://shop.example/live", stream);
    let (mut socket, _) = within(connecting).await.expect("it is upgraded");

    let large = Message::binary(vec![7; 1_000_000]);
    for message in [Message::text("one"), large, Message::text("two")] {
        socket.send(message.clone()).await.unwrap();
        let told = within(socket.next()).await.expect("an answer");
        assert!(told.expect("it is whole") == message);
    }
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = within(socket.next()).await {}
    within(serving.join_next()).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_upstream_that_does_not_switch_answers_as_ever() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno";
    let echo = Echo::answering(answer).await;
    let shim = Running::start_before("", Fake::silent(), echo.address).await;

    let (mut client, answer) = within(upgraded(&shim)).await;

    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(read(&mut client, 2).await, "no");
}

#[tokio::test]
async fn an_upstream_that_switches_unasked_is_502() {
    let echo = Echo::start().await;
    let shim = Running::start_before("", Fake::silent(), echo.address).await;

    let answer = within(shim.send(get("/any"))).await;

    assert_eq!(answer.status(), 502);
}

#[tokio::test]
async fn only_the_legacy_upstream_can_switch_and_connect_is_refused_everywhere() {
    let echo = Echo::start().await;
    let route = "[[routes]]\npath = \"/any\"\nservice = \"orders\"\n";
    let shim = Running::start_before(route, Fake::silent(), echo.address).await;

    let (_, answer) = within(upgraded(&shim)).await;
    assert!(answer.starts_with("HTTP/1.1 501 "), "{answer}");

    let connect = b"CONNECT other:443 HTTP/1.1\r\nhost: other:443\r\nconnection: close\r\n\r\n";
    let answer = within(shim.send_raw(connect)).await;
    assert!(answer.starts_with("HTTP/1.1 501 "), "{answer}");
}

#[tokio::test]
async fn an_upgraded_connection_has_the_whole_drain_and_is_then_ended() {
    let echo = Echo::start().await;
    let text = "drain = \"500ms\"\n";
    let mut shim = Running::start_before(text, Fake::silent(), echo.address).await;
    let (mut client, _) = within(upgraded(&shim)).await;
    assert_eq!(read(&mut client, 6).await, "hello ");

    shim.stop();
    while TcpStream::connect(shim.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    client.write_all(b"still here").await.unwrap();
    assert_eq!(read(&mut client, 10).await, "still here");

    let mut rest = Vec::new();
    within(client.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(within(shim.ended()).await.cut_off, 1);
}

#[tokio::test]
async fn a_drain_does_not_wait_for_an_upgraded_connection_that_has_ended() {
    let echo = Echo::start().await;
    let mut shim = Running::start_before("drain = \"1h\"\n", Fake::silent(), echo.address).await;
    let (client, _) = within(upgraded(&shim)).await;

    shim.stop();
    drop(client);

    assert_eq!(within(shim.ended()).await.cut_off, 0);
}

#[tokio::test]
async fn a_connection_over_tls_is_upgraded_too() {
    let authority = Authority::new();
    let issued = authority.issue("gateway");
    let echo = Echo::start().await;
    let tls = format!("[tls]\n{}", issued.settings());
    let shim = Running::start_before(&tls, Fake::silent(), echo.address).await;

    let client = authority.client(None);
    let mut stream = within(client.handshake(shim.address, Http::One))
        .await
        .expect("it is trusted");
    stream.write_all(ASK).await.unwrap();
    stream.write_all(b"one").await.unwrap();

    let mut told = Vec::new();
    while !told.ends_with(b"\r\n\r\nhello one") {
        let byte = within(stream.read_u8()).await.expect("it comes");
        told.push(byte);
    }
    assert!(told.starts_with(b"HTTP/1.1 101 "));
}
