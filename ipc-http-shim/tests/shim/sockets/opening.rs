//! Who may have a WebSocket, and how it is opened.

use futures_util::SinkExt;
use http::{Response, StatusCode};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use super::{ROUTE, System, asking, connect, connected, ended, heard, refused, reply, with};
use crate::support::{api_key, get, text, try_config, within};

/// The head of a request for a WebSocket, but for its end.
const GOOD: &str = "GET /rooms/blue HTTP/1.1\r\nhost: s\r\nconnection: upgrade, close\r\n\
                    upgrade: websocket\r\nsec-websocket-version: 13\r\n\
                    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

#[tokio::test]
async fn the_service_gets_the_request_without_what_is_of_the_connection() {
    let mut system = System::answering(ROUTE, |_| {
        Response::builder()
            .header("sec-websocket-protocol", "chat")
            .header("x-mine", "1")
            .header("content-length", "7")
    })
    .await;
    let request = with(
        asking("/rooms/blue?as=ann"),
        "sec-websocket-protocol",
        "v2, chat",
    );
    let request = with(request, "cookie", "a=b");
    let request = with(request, "x-websocket-id", "forged");

    let (_client, answer) = connect(&system.shim, request).await.expect("it is opened");

    assert_eq!(answer.headers()["sec-websocket-protocol"], "chat");
    assert_eq!(answer.headers()["x-mine"], "1");
    assert_eq!(answer.headers()["x-request-id"], "request-1");
    for gone in ["content-type", "content-length"] {
        assert!(!answer.headers().contains_key(gone), "{gone}");
    }
    let (seen, _replies) = within(system.opened.recv()).await.expect("it is asked");
    assert_eq!(seen.head.method, "GET");
    assert_eq!(seen.head.uri, "/rooms/blue?as=ann");
    assert_eq!(seen.key.as_deref(), Some(&b"blue"[..]));
    assert_eq!(seen.head.headers["cookie"], "a=b");
    for gone in [
        "connection",
        "upgrade",
        "sec-websocket-key",
        "sec-websocket-version",
        "x-websocket-id",
    ] {
        assert!(!seen.head.headers.contains_key(gone), "{gone}");
    }
}

#[tokio::test]
async fn a_service_that_refuses_answers_as_it_does_elsewhere() {
    let mut system =
        System::answering(ROUTE, |_| Response::builder().status(StatusCode::FORBIDDEN)).await;
    let asked = async {
        let (_, replies) = system.opened.recv().await.expect("it is asked");
        replies
            .send(reply(1, b"not yours"))
            .await
            .expect("it is read");
    };
    let request = format!("{GOOD}\r\n");

    let (refused, ()) = tokio::join!(within(system.shim.send_raw(request.as_bytes())), asked);

    assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
    assert!(refused.contains("not yours"), "{refused}");
}

#[tokio::test]
async fn what_is_no_request_for_a_web_socket_is_told_so() {
    let system = System::start(ROUTE).await;

    let plain = system.shim.send(get("/rooms/blue")).await;
    assert_eq!(plain.status(), StatusCode::UPGRADE_REQUIRED);
    assert_eq!(plain.headers()["upgrade"], "websocket");
    assert!(text(plain).await.contains("websocket-needed"));
    let http2 = system.shim.send_http2(get("/rooms/blue")).await;
    assert_eq!(http2.status(), StatusCode::UPGRADE_REQUIRED);

    for (good, bad, status) in [
        ("upgrade: websocket", "upgrade: h2c", 426),
        ("version: 13", "version: 8", 426),
        ("GET ", "POST ", 426),
        ("dGhlIHNhbXBsZSBub25jZQ==", "short", 400),
        ("sec-websocket-key", "x", 400),
    ] {
        let request = format!("{}\r\n", GOOD.replacen(good, bad, 1));
        let answer = within(system.shim.send_raw(request.as_bytes())).await;
        let told = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&told), "{bad} {answer}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_only_where_the_route_says_so() {
    let cors = "cors.origins = [\"https://app.example\"]\n";
    let other = ROUTE.replace("/rooms/{room}", "/other/{room}");
    let mut system = System::start(&format!("{ROUTE}{other}{cors}")).await;

    for (path, origin, may) in [
        ("/rooms/a", "https://shop.example", true),
        ("/rooms/a", "https://app.example", false),
        ("/rooms/a", "null", false),
        ("/other/a", "https://app.example", true),
        ("/other/a", "https://evil.example", false),
    ] {
        let request = with(asking(path), "origin", origin);
        if may {
            connected(&system.shim, request).await;
            within(system.opened.recv()).await.expect("it is asked");
        } else {
            let status = refused(&system.shim, request).await;
            assert_eq!(status, 403, "{path} {origin}");
        }
    }
    assert!(
        system.opened.try_recv().is_err(),
        "nobody else is asked for"
    );
}

#[tokio::test]
async fn who_may_call_is_asked_first_and_told_with_every_message() {
    let keys = api_key("ann", "ipc_ann");
    let mut system = System::start(&format!("{keys}{ROUTE}auth = \"api_key\"\n")).await;

    let status = refused(&system.shim, asking("/rooms/blue")).await;
    assert_eq!(status, 401);

    let request = with(asking("/rooms/blue"), "x-api-key", "ipc_ann");
    let mut client = connected(&system.shim, request).await;
    let (seen, _replies) = within(system.opened.recv()).await.expect("it is asked");
    let said = "hello".into();
    client.send(said).await.expect("it is taken");
    let message = within(system.said.recv()).await.expect("it is sent on");
    for seen in [seen, message] {
        let principal = seen.principal.expect("it is told");
        assert_eq!(principal.subject(), "ann");
    }
}

#[tokio::test]
async fn a_web_socket_has_its_place_until_it_ends() {
    let config = format!("{ROUTE}in_flight = 1\n");
    let mut system = System::start(&config).await;
    let (mut first, replies) = system.open().await;

    let status = refused(&system.shim, asking("/rooms/blue")).await;
    assert_eq!(status, 503);
    drop(replies);
    ended(&mut first).await;
    drop(first);

    // Its place is free again once the gateway has seen the end.
    within(async {
        while connect(&system.shim, asking("/rooms/blue")).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_web_socket_is_one_of_the_connections_that_there_may_be() {
    let mut system = System::start(&format!("limits.connections = 1\n{ROUTE}")).await;
    let (client, _replies) = system.open().await;

    let another = connect(&system.shim, asking("/rooms/blue")).await;

    assert!(another.is_err());
    let line = "ipc_shim_connections_refused_total{bound=\"total\"} 1";
    system.shim.counted(line).await;
    drop(client);
    system.shim.counted("ipc_shim_connections 0").await;
}

#[tokio::test]
async fn a_route_that_moves_has_its_web_sockets_where_it_stands() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let legacy = listener.local_addr().expect("it has an address");
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let accepting = tokio_tungstenite::accept_async(stream).await;
        let mut socket = accepting.expect("it is asked for a WebSocket");
        let told = Message::text("legacy");
        socket.send(told).await.expect("it is taken");
    });

    for (steps, told) in [("\"legacy\", \"kafka\"", "legacy"), ("\"kafka\"", "kafka")] {
        let moving = format!("legacy = \"http://{legacy}\"\n{ROUTE}migration.steps = [{steps}]\n");
        let mut system = System::start(&moving).await;
        let mut client = connected(&system.shim, asking("/rooms/blue")).await;
        let mut replies = None;
        if told == "kafka" {
            let (_, asked) = within(system.opened.recv()).await.expect("it is asked");
            asked.send(reply(1, b"kafka")).await.expect("it is read");
            replies = Some(asked);
        }
        assert_eq!(heard(&mut client).await, Message::text(told));
        drop(replies);
    }
}

#[test]
fn routes_whose_web_sockets_cannot_be_spoken_are_mistakes() {
    let text = "legacy = \"http://old:80\"\nkafka.\"bootstrap.servers\" = \"nowhere:1\"\n\
         [[routes]]\npath = \"/rooms/{room}\"\nservice = \"chat\"\nmode = \"websocket\"\n\
         websocket.messages = \"/said/{rom}\"\n\
         migration = { steps = [\"legacy\", \"kafka\"], fallback = \"legacy\" }\n";

    let mistakes = try_config(text)
        .expect_err("two things are wrong")
        .to_string();

    for part in [
        "messages names \"rom\", which the path has no parameter for: did you mean \"room\"?",
        "a WebSocket has no fallback",
    ] {
        assert!(mistakes.contains(part), "{mistakes}");
    }
}
