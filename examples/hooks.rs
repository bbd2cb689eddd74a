//! What runs at the turns of a service's life, and around each message.
//!
//! Run with: `cargo run --example hooks`
//!
//! You see:
//!
//! ```text
//! on_start: nothing is consumed yet
//! on_ready: requests are answered
//! before GET /ping, attempt 1
//! after GET /ping: 200 OK
//! the caller has: pong
//! on_stop: no handler is at work any more
//! ```
//!
//! An error from `on_start` keeps the service from starting. Around messages stands
//! any tower layer; the facts of the record are extractors there too.
#![expect(clippy::print_stdout, reason = "an example shows what happened")]

use std::convert::Infallible;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use ipc_core::extract::Attempt;
use ipc_core::prelude::*;
use ipc_examples::kafka;
use tower::ServiceExt;

#[endpoint(GET "/ping")]
async fn ping() -> &'static str {
    "pong"
}

async fn around(Attempt(attempt): Attempt, request: Request, next: Next) -> Response {
    let what = format!("{} {}", request.method(), request.uri().path());
    println!("before {what}, attempt {attempt}");
    let response = next.run(request).await;
    println!("after {what}: {}", response.status());
    response
}

async fn say(what: &str) -> Result<(), Infallible> {
    println!("{what}");
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let kafka = kafka().await?;
    let app: App = App::new()
        .endpoints(endpoints![ping])?
        .map_router(|router| router.layer(middleware::from_fn(around)));
    let service = Service::builder("pinger")
        .create_topics(3)
        .kafka(kafka.clone())
        .on_start(|| say("on_start: nothing is consumed yet"))
        .on_ready(|| say("on_ready: requests are answered"))
        .on_stop(|| say("on_stop: no handler is at work any more"))
        .serve(app)
        .start()
        .await?;

    let client = Client::builder("example")
        .create_topics(1)
        .connect_kafka(kafka)
        .await?;
    let request = Request::get("http://pinger/ping").body(Body::empty())?;
    let response = client.clone().oneshot(request).await?;
    let body = to_bytes(response.into_body(), usize::MAX).await?;
    println!("the caller has: {}", str::from_utf8(&body)?);

    client.close().await;
    service.stop().await;
    Ok(())
}
