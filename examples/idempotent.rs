//! Work that must not be done twice: a caller that repeats its request gets the
//! stored reply, and the handler does not run again.
//!
//! Run with: `cargo run --example idempotent`
//!
//! You see:
//!
//! ```text
//! charge 1 of 500
//! charge 1 of 500
//! the same key for another amount: 422
//! ```
//!
//! The store here lies in this process's memory, which does for one instance and
//! for tests.
#![expect(clippy::print_stdout, reason = "an example shows what happened")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ipc_core::client::CallError;
use ipc_core::prelude::*;
use ipc_core::store::MemoryStore;
use ipc_examples::kafka;

#[endpoint(POST "/charges/{amount}", idempotency = required)]
async fn charge(State(charges): State<Arc<AtomicU32>>, Path(amount): Path<u32>) -> Json<String> {
    let number = charges.fetch_add(1, Ordering::Relaxed) + 1;
    Json(format!("charge {number} of {amount}"))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let kafka = kafka().await?;
    let app = App::new()
        .endpoints(endpoints![charge])?
        .with_state(Arc::default());
    let service = Service::builder("cards")
        .create_topics(3)
        .kafka(kafka.clone())
        .dedup(MemoryStore::new(100_000));
    let service = service.serve(app).start().await?;
    let client = Client::builder("example")
        .create_topics(1)
        .connect_kafka(kafka)
        .await?;

    let cards = client.service("cards");
    for _ in 0..2 {
        // a caller that got no answer to the first would do the same
        let charged = cards.call(charge::request(500)).idempotency_key("order-7");
        println!("{}", charged.await?);
    }
    let other = cards.call(charge::request(900)).idempotency_key("order-7");
    if let Err(CallError::Application(refused)) = other.await {
        println!("the same key for another amount: {}", refused.status());
    }

    client.close().await;
    service.stop().await;
    Ok(())
}
