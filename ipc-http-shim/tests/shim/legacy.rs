//! The legacy upstream behind the shim.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::support::{Fake, Legacy, Running, get, post, text};

async fn before(router: Router) -> (Running, Legacy) {
    let old = Legacy::start(router).await;
    let shim = Running::start_before("", Fake::silent(), old.address).await;
    (shim, old)
}

/// A body that is sent piece by piece, as the sender says.
fn piecewise() -> (mpsc::Sender<&'static str>, Body) {
    let (sender, mut pieces) = mpsc::channel::<&'static str>(1);
    let pieces = futures_util::stream::poll_fn(move |cx| pieces.poll_recv(cx));
    let pieces = futures_util::StreamExt::map(pieces, |piece| {
        Ok::<_, std::io::Error>(Bytes::from_static(piece.as_bytes()))
    });
    (sender, Body::from_stream(pieces))
}

async fn next_piece(
    body: &mut (impl http_body::Body<Data = Bytes, Error: std::fmt::Debug> + Unpin),
) -> Bytes {
    let frame = body.frame().await.expect("a frame").expect("it arrives");
    frame.into_data().expect("it is data")
}

#[tokio::test]
async fn bodies_are_streamed_both_ways_before_they_are_complete() {
    // Answers with the request's own body as it comes.
    let echo = async |request: Request<Body>| Response::new(request.into_body());
    let (shim, _old) = before(Router::new().fallback(echo)).await;
    let (sender, body) = piecewise();

    sender.send("one").await.unwrap();
    let mut answer = shim.send(post("/any", body)).await.into_body();
    assert_eq!(next_piece(&mut answer).await, "one");

    // Nothing of this was sent before the first piece came back.
    sender.send("two").await.unwrap();
    assert_eq!(next_piece(&mut answer).await, "two");
    drop(sender);
    assert!(answer.frame().await.is_none());
}

#[tokio::test]
async fn bodies_over_the_kafka_limit_pass_to_the_legacy_upstream() {
    let length = async |body: Body| body.collect().await.unwrap().to_bytes().len().to_string();
    let old = Legacy::start(Router::new().fallback(length)).await;
    let shim = Running::start_before("[limits]\nbody = 10\n", Fake::silent(), old.address).await;

    let answer = shim.send(post("/any", "x".repeat(100_000))).await;

    assert_eq!(text(answer).await, "100000");
}

#[tokio::test]
async fn the_upstream_sees_the_request_as_sent_and_for_whom() {
    let tell = async |headers: HeaderMap| {
        let mut lines: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort_unstable();
        lines.join("\n")
    };
    let (shim, _old) = before(Router::new().fallback(tell)).await;

    let answer = shim
        .send_raw(
            b"GET /any HTTP/1.1\r\nhost: shop.example\r\nx-mine: 1\r\nx-hop: 1\r\n\
              ipc-caller: me\r\nconnection: close, x-hop\r\nte: trailers\r\n\r\n",
        )
        .await;

    let (_, lines) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        lines,
        "forwarded: for=127.0.0.1;host=\"shop.example\";proto=http\n\
         host: shop.example\n\
         x-forwarded-for: 127.0.0.1\n\
         x-forwarded-host: shop.example\n\
         x-forwarded-proto: http\n\
         x-mine: 1"
    );
}

#[tokio::test]
async fn the_answer_comes_back_as_sent_without_connection_headers() {
    let answer = async || {
        Response::builder()
            .status(StatusCode::IM_A_TEAPOT)
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2")
            .header("connection", "x-hop")
            .header("x-hop", "1")
            .body(Body::from("tea"))
            .unwrap()
    };
    let (shim, _old) = before(Router::new().fallback(answer)).await;

    let answer = shim.send_http2(get("/any")).await;

    assert_eq!(answer.status(), StatusCode::IM_A_TEAPOT);
    assert!(!answer.headers().contains_key("x-hop"));
    let cookies: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    let timing = answer.headers()["server-timing"].to_str().unwrap();
    assert!(timing.starts_with("legacy;dur="), "{timing}");
    assert_eq!(text(answer).await, "tea");
}

#[tokio::test]
async fn an_upstream_that_is_away_is_502() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = listener.local_addr().unwrap();
    drop(listener);
    let shim = Running::start_before("", Fake::silent(), gone).await;

    let answer = shim.send(get("/any")).await;

    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    let problem = text(answer).await;
    assert!(problem.contains("urn:ipc:problem:legacy-unreachable"));
    assert!(!problem.contains(&gone.to_string()), "{problem}");
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_in_time_is_504() {
    let never = async || std::future::pending::<()>().await;
    let old = Legacy::start(Router::new().fallback(never)).await;
    let shim = Running::start_before("timeout = \"50ms\"\n", Fake::silent(), old.address).await;

    let answer = shim.send(get("/any")).await;

    assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
    assert!(
        text(answer)
            .await
            .contains("urn:ipc:problem:legacy-timeout")
    );
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_upstream_request_along() {
    let gone = CancellationToken::new();
    let arrived = CancellationToken::new();
    let handler = {
        let (gone, arrived) = (gone.clone(), arrived.clone());
        async move || {
            let _told = gone.drop_guard();
            arrived.cancel();
            std::future::pending::<()>().await;
        }
    };
    let (shim, _old) = before(Router::new().fallback(handler)).await;

    tokio::select! {
        _ = shim.send(get("/any")) => panic!("nothing answers"),
        () = arrived.cancelled() => {}
    }

    gone.cancelled().await;
}
