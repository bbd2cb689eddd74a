//! Work that nobody waits for: the sender goes on once the log has it, the handler
//! runs when it can.
//!
//! Run with: `cargo run --example one_way`
//!
//! You see:
//!
//! ```text
//! the log has it
//! the handler has seen: order 7 was looked at by ann
//! ```
//!
//! A handler that fails with 5xx for good, or with 4xx, has its record put on
//! `archive.dlq`; one that answers 503 or `Retry-After` sees it again.
#![expect(clippy::print_stdout, reason = "an example shows what happened")]

use ipc_core::prelude::*;
use ipc_examples::kafka;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

#[derive(Serialize, Deserialize)]
struct Audit {
    by: String,
}

#[endpoint(POST "/orders/{id}/audit", one_way)]
async fn audit(
    State(seen): State<mpsc::Sender<String>>,
    Path(id): Path<u64>,
    Json(audit): Json<Audit>,
) {
    // whoever waits for it may have gone
    let _ = seen
        .send(format!("order {id} was looked at by {}", audit.by))
        .await;
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let kafka = kafka().await?;
    let (sender, mut seen) = mpsc::channel(1);
    let app = App::new().endpoints(endpoints![audit])?.with_state(sender);
    let service = Service::builder("archive")
        .create_topics(3)
        .kafka(kafka.clone());
    let service = service.serve(app).start().await?;
    let client = Client::builder("example")
        .create_topics(1)
        .connect_kafka(kafka)
        .await?;

    let by = "ann".to_owned();
    client
        .service("archive")
        .send(audit::request(7, Audit { by }))
        .await?;
    println!("the log has it");
    if let Some(seen) = seen.recv().await {
        println!("the handler has seen: {seen}");
    }

    client.close().await;
    service.stop().await;
    Ok(())
}
