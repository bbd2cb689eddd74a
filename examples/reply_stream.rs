//! One request, many replies, each a record of its own. They come as fast as they
//! are read; a caller that stops reading tells the service.
//!
//! Run with: `cargo run --example reply_stream`
//!
//! You see:
//!
//! ```text
//! 3
//! 2
//! 1
//! the stream ended well after record 3
//! counting from 1000: refused with 400
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what happened")]

use axum::http::StatusCode;
use futures_util::{StreamExt, stream};
use ipc_core::client::CallError;
use ipc_core::prelude::*;
use ipc_examples::kafka;

/// Over plain HTTP the same handler answers newline-delimited JSON.
#[endpoint(GET "/countdown/{from}", stream)]
async fn countdown(Path(from): Path<u32>) -> Result<Replies<u32>, StatusCode> {
    if from > 100 {
        return Err(StatusCode::BAD_REQUEST);
    }
    Ok(Replies::new(stream::iter((1..=from).rev())))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let kafka = kafka().await?;
    let app: App = App::new().endpoints(endpoints![countdown])?;
    let service = Service::builder("launch")
        .create_topics(3)
        .kafka(kafka.clone());
    let service = service.serve(app).start().await?;
    let client = Client::builder("example")
        .create_topics(1)
        .connect_kafka(kafka)
        .await?;
    let launch = client.service("launch");

    let mut replies = launch.stream(countdown::request(3)).await?;
    while let Some(number) = replies.next().await {
        println!("{}", number?);
    }
    println!("the stream ended well after record {}", replies.last_seq());

    match launch.stream(countdown::request(1000)).await {
        Err(CallError::Application(reply)) => {
            println!("counting from 1000: refused with {}", reply.status());
        }
        _ => anyhow::bail!("counting from 1000 was not refused"),
    }

    client.close().await;
    service.stop().await;
    Ok(())
}
