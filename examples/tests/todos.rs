//! The todo list answers over Kafka as it answers over HTTP: an HTTP test-suite
//! with one changed line, `serve_over_kafka`.
//!
//! Run with: `cargo test -p ipc-examples --test todos`
//!
//! You see one test pass, which compares status, headers and body for every route.

use std::future::IntoFuture;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use axum::body::{Body, Bytes};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use ipc_http_shim::testing::serve_over_kafka;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

#[allow(dead_code, reason = "its `main` is not run here")]
#[path = "../todos.rs"]
mod todos;

const SEED: u64 = 7;
const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// What the way of a response may change; nothing else.
const OF_THE_WAY: [&str; 6] = [
    "connection",
    "date",
    "keep-alive",
    "server-timing",
    "transfer-encoding",
    "x-request-id",
];

/// One way to the application.
struct Way {
    address: SocketAddr,
    client: Client<HttpConnector, Body>,
}

#[derive(Debug, PartialEq)]
struct Answer {
    status: StatusCode,
    headers: Vec<(String, Vec<u8>)>,
    body: Bytes,
}

impl Way {
    fn to(address: SocketAddr) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { address, client }
    }

    async fn ask(&self, (method, path, kind, body): &Ask) -> Result<Answer> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address));
        if let Some(kind) = kind {
            request = request.header("content-type", *kind);
        }
        let response = self.client.request(request.body(Body::from(body.clone()))?);
        let response: Response<_> = response.await.context("no answer")?;
        Ok(Answer {
            status: response.status(),
            headers: comparable(response.headers()),
            body: response.into_body().collect().await?.to_bytes(),
        })
    }
}

/// Method, path, media type, body.
type Ask = (Method, String, Option<&'static str>, String);

fn ask(method: Method, path: &str) -> Ask {
    (method, path.to_owned(), None, String::new())
}

fn json(method: Method, path: &str, body: &str) -> Ask {
    let kind = Some("application/json");
    (method, path.to_owned(), kind, body.to_owned())
}

/// In an order that does not depend on the way.
fn comparable(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let mut headers: Vec<_> = headers
        .iter()
        .filter(|(name, _)| !OF_THE_WAY.contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
        .collect();
    headers.sort();
    headers
}

/// Every route, with its answers to good and to bad requests.
fn exchanges(first: &str) -> Vec<(Ask, StatusCode)> {
    let one = &format!("/todos/{first}");
    let unknown = "/todos/00000000-0000-4000-8000-000000000000";
    let text = (
        Method::POST,
        "/todos".to_owned(),
        Some("text/plain"),
        "milk".to_owned(),
    );
    vec![
        (ask(Method::GET, "/todos"), StatusCode::OK),
        (ask(Method::HEAD, "/todos"), StatusCode::OK),
        (ask(Method::GET, "/todos?skip=1&take=1"), StatusCode::OK),
        (ask(Method::GET, "/todos?skip=one"), StatusCode::BAD_REQUEST),
        (
            json(Method::POST, "/todos", r#"{"text":"write"}"#),
            StatusCode::CREATED,
        ),
        (
            json(Method::POST, "/todos", r#"{"tex":1}"#),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (json(Method::POST, "/todos", "{"), StatusCode::BAD_REQUEST),
        (text, StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (ask(Method::GET, one), StatusCode::OK),
        (ask(Method::GET, unknown), StatusCode::NOT_FOUND),
        (ask(Method::GET, "/todos/7"), StatusCode::BAD_REQUEST),
        (json(Method::PATCH, one, r#"{"done":true}"#), StatusCode::OK),
        (json(Method::PATCH, unknown, "{}"), StatusCode::NOT_FOUND),
        (ask(Method::PUT, one), StatusCode::METHOD_NOT_ALLOWED),
        (ask(Method::DELETE, one), StatusCode::NO_CONTENT),
        (ask(Method::DELETE, one), StatusCode::NOT_FOUND),
        (ask(Method::GET, "/todos"), StatusCode::OK),
        (ask(Method::GET, "/"), StatusCode::NOT_FOUND),
        (ask(Method::GET, "/todos/"), StatusCode::NOT_FOUND),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_todo_list_answers_over_kafka_as_over_http() -> Result<()> {
    let listener = TcpListener::bind((LOCALHOST, 0)).await?;
    let over_http = Way::to(listener.local_addr()?);
    let mut serving = JoinSet::new();
    serving.spawn(axum::serve(listener, todos::app(todos::Todos::seeded(SEED))).into_future());

    let over_kafka = Way::to(serve_over_kafka(todos::app(todos::Todos::seeded(SEED))).await);

    let milk = json(Method::POST, "/todos", r#"{"text":"buy milk"}"#);
    let first = over_http.ask(&milk).await?;
    assert_eq!(over_kafka.ask(&milk).await?, first);
    let first: serde_json::Value = serde_json::from_slice(&first.body)?;
    let first = first["id"].as_str().context("an entry has an id")?;

    for (ask, status) in exchanges(first) {
        let expected = over_http.ask(&ask).await?;
        assert_eq!(expected.status, status, "{ask:?}");
        assert_eq!(over_kafka.ask(&ask).await?, expected, "{ask:?}");
    }

    serving.shutdown().await;
    Ok(())
}
