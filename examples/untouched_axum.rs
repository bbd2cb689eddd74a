//! An axum Router that has heard of nothing, served over Kafka, and a caller that
//! keeps the shape of an HTTP client.
//!
//! Run with: `cargo run --example untouched_axum`
//!
//! You see:
//!
//! ```text
//! GET /hello/ann -> 200 OK: hello ann
//! PUT /hello/ann -> 405 Method Not Allowed, allow: GET,HEAD
//! POST /shout -> 200 OK: TEA
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what happened")]

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Path;
use axum::routing::{get, post};
use http::{Method, Request};
use ipc_core::client::Client;
use ipc_core::service::Service;
use ipc_examples::kafka;
use tower::ServiceExt;

fn app() -> Router {
    let hello = async |Path(name): Path<String>| format!("hello {name}");
    let shout = async |text: String| text.to_uppercase();
    Router::new()
        .route("/hello/{name}", get(hello))
        .route("/shout", post(shout))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let kafka = kafka().await?;
    let service = Service::builder("greeter")
        .create_topics(3)
        .kafka(kafka.clone());
    let service = service.serve(app()).start().await?;
    let client = Client::builder("example")
        .create_topics(1)
        .connect_kafka(kafka)
        .await?;

    ask(&client, Method::GET, "/hello/ann", "").await?;
    ask(&client, Method::PUT, "/hello/ann", "").await?;
    ask(&client, Method::POST, "/shout", "tea").await?;

    client.close().await;
    service.stop().await;
    Ok(())
}

/// The service is the host of the URI; the rest is any HTTP request.
async fn ask(
    client: &Client,
    method: Method,
    path: &str,
    body: &'static str,
) -> anyhow::Result<()> {
    let request = Request::builder()
        .method(&method)
        .uri(format!("http://greeter{path}"))
        .body(Body::from(body))?;
    let response = client.clone().oneshot(request).await?;
    print!("{method} {path} -> {}", response.status());
    match response.headers().get("allow") {
        Some(allowed) => println!(", allow: {}", allowed.to_str()?),
        None => {
            let body = to_bytes(response.into_body(), usize::MAX).await?;
            println!(": {}", str::from_utf8(&body)?);
        }
    }
    Ok(())
}
