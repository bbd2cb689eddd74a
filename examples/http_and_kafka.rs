//! One application on HTTP and on Kafka in one process, with the same state:
//! nothing has to move at once. Both are drained together.
//!
//! Run with: `cargo run --example http_and_kafka`
//!
//! You see:
//!
//! ```text
//! over Kafka: visit 1, by record 0
//! over HTTP: visit 2, by nobody's record
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what happened")]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::routing::get;
use http::Request;
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use ipc_core::client::Client;
use ipc_core::extract::Offset;
use ipc_core::service::Service;
use ipc_examples::kafka;
use tokio::net::TcpListener;
use tower::ServiceExt;

/// Facts of a record are options where a handler also serves HTTP.
async fn visit(State(visits): State<Arc<AtomicU32>>, offset: Option<Offset>) -> String {
    let visit = visits.fetch_add(1, Ordering::Relaxed) + 1;
    match offset {
        Some(Offset(offset)) => format!("visit {visit}, by record {offset}"),
        None => format!("visit {visit}, by nobody's record"),
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let app = Router::new()
        .route("/visit", get(visit))
        .with_state(Arc::default());
    let kafka = kafka().await?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let service = Service::builder("visits")
        .create_topics(1)
        .kafka(kafka.clone());
    let service = service.serve_with_http(app, listener).start().await?;

    let client = Client::builder("example")
        .create_topics(1)
        .connect_kafka(kafka)
        .await?;
    let request = Request::get("http://visits/visit").body(Body::empty())?;
    let response = client.clone().oneshot(request).await?;
    let body = to_bytes(response.into_body(), usize::MAX).await?;
    println!("over Kafka: {}", str::from_utf8(&body)?);

    let http: HttpClient<_, Body> = HttpClient::builder(TokioExecutor::new()).build_http();
    let request = Request::get(format!("http://{address}/visit")).body(Body::empty())?;
    let response = http.request(request).await?;
    let body = response.into_body().collect().await?.to_bytes();
    println!("over HTTP: {}", str::from_utf8(&body)?);

    client.close().await;
    service.stop().await;
    Ok(())
}
