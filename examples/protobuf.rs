//! Protobuf bodies instead of JSON, both ways.
//!
//! Run with: `cargo run --example protobuf`
//!
//! You see:
//!
//! ```text
//! the sum of 3 numbers is 42
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what happened")]

use ipc_core::prelude::*;
use ipc_examples::kafka;

#[derive(Clone, PartialEq, prost::Message)]
struct Numbers {
    #[prost(sint64, repeated, tag = "1")]
    of: Vec<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Sum {
    #[prost(sint64, tag = "1")]
    sum: i64,
    #[prost(uint32, tag = "2")]
    count: u32,
}

#[endpoint(POST "/sum")]
async fn sum(Protobuf(numbers): Protobuf<Numbers>) -> Protobuf<Sum> {
    let sum = numbers
        .of
        .iter()
        .fold(0, |sum: i64, number| sum.saturating_add(*number));
    let count = u32::try_from(numbers.of.len()).unwrap_or(u32::MAX);
    Protobuf(Sum { sum, count })
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let kafka = kafka().await?;
    let app: App = App::new().endpoints(endpoints![sum])?;
    let service = Service::builder("adder")
        .create_topics(3)
        .kafka(kafka.clone());
    let service = service.serve(app).start().await?;
    let client = Client::builder("example")
        .create_topics(1)
        .connect_kafka(kafka)
        .await?;

    let numbers = Numbers {
        of: vec![40, 3, -1],
    };
    let Sum { sum, count } = client.service("adder").call(sum::request(numbers)).await?;
    println!("the sum of {count} numbers is {sum}");

    client.close().await;
    service.stop().await;
    Ok(())
}
