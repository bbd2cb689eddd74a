//! An application that is asked over HTTP and answers over Kafka.
#![cfg(feature = "testing")]

use axum::body::Body;
use axum::extract::{Path, RawQuery};
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use ipc_http_shim::testing::serve_over_kafka;
use serde_json::{Value, json};

fn application() -> Router {
    let greet = async |Path(name): Path<String>, RawQuery(query): RawQuery| {
        format!("hello {name} {query:?}")
    };
    let double = async |Json(number): Json<u64>| (StatusCode::CREATED, Json(json!(number * 2)));
    let events = async || {
        let events =
            ["one", "two"].map(|data| Ok::<_, std::io::Error>(Event::default().data(data)));
        Sse::new(stream::iter(events))
    };
    Router::new()
        .route("/", get(async || "root"))
        .route("/greet/{name}", get(greet))
        .route("/double", post(double))
        .route("/events", get(events))
        .route("/large", get(async || vec![7_u8; 3_000_000]))
}

async fn ask(base: &str, method: Method, path: &str, body: &'static str) -> Response<Incoming> {
    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::builder()
        .method(method)
        .uri(format!("{base}{path}"))
        .header("content-type", "application/json")
        .body(Body::from(body))
        .expect("the request is valid");
    client.request(request).await.expect("an answer")
}

async fn body(response: Response<Incoming>) -> Vec<u8> {
    let body = response.into_body().collect().await.expect("a whole body");
    body.to_bytes().to_vec()
}

#[tokio::test]
async fn an_http_test_suite_runs_over_kafka() {
    let base = format!("http://{}", serve_over_kafka(application()).await);

    let root = ask(&base, Method::GET, "/", "").await;
    assert_eq!(body(root).await, b"root");

    let greeting = ask(&base, Method::GET, "/greet/a%2Fb?x=%FF", "").await;
    assert_eq!(body(greeting).await, br#"hello a/b Some("x=%FF")"#);

    let doubled = ask(&base, Method::POST, "/double", "21").await;
    assert_eq!(doubled.status(), StatusCode::CREATED);
    let doubled: Value = serde_json::from_slice(&body(doubled).await).expect("it is JSON");
    assert_eq!(doubled, 42);

    let refused = ask(&base, Method::POST, "/double", "twenty").await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);

    let unknown = ask(&base, Method::GET, "/nothing", "").await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    assert_eq!(body(unknown).await, b"");

    let wrong_method = ask(&base, Method::DELETE, "/double", "").await;
    assert_eq!(wrong_method.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(wrong_method.headers()["allow"], "POST");

    let head = ask(&base, Method::HEAD, "/large", "").await;
    assert_eq!(head.headers()["content-length"], "3000000");
    assert_eq!(body(head).await, b"");

    let large = ask(&base, Method::GET, "/large", "").await;
    assert_eq!(body(large).await, vec![7; 3_000_000]);

    let events = ask(&base, Method::GET, "/events", "").await;
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    assert_eq!(body(events).await, b"data: one\n\ndata: two\n\n");
}
