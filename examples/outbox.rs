//! A message that is sent if, and only if, a database transaction commits.
//!
//! Run with: `DATABASE_URL=postgres://user:password@localhost/db cargo run --example outbox`
//!
//! You see:
//!
//! ```text
//! order 1: a bill was sent
//! order 2: taken back, and nothing was sent
//! billed: order 1
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what happened")]

use std::env;
use std::sync::Arc;

use anyhow::Context as _;
use axum::extract::State;
use ipc_core::outbox::{Message, Outbox};
use ipc_core::prelude::*;
use ipc_core::store::postgres::sqlx::postgres::PgPool;
use ipc_core::transport::kafka::KafkaTransport;
use ipc_examples::kafka;
use tokio::sync::{mpsc, oneshot};

/// Writes a bill. Its idempotency key tells a repetition from another bill.
#[endpoint(POST "/bills/{order}", one_way)]
async fn bill(
    State(billed): State<mpsc::Sender<u32>>,
    Path(order): Path<u32>,
) -> Result<(), http::StatusCode> {
    let told = billed.send(order).await;
    told.map_err(|_| http::StatusCode::SERVICE_UNAVAILABLE)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = env::var("DATABASE_URL").context("DATABASE_URL is not set")?;
    let pool = PgPool::connect(&url).await?;
    let outbox = Outbox::new(pool.clone());
    outbox.migrate().await?;

    let config = kafka().await?;
    let (billed, mut bills) = mpsc::channel(8);
    let app: App = App::new().endpoints(endpoints![bill])?.with_state(billed);
    let billing = Service::builder("billing")
        .kafka(config.clone())
        .create_topics(3)
        .serve(app)
        .start()
        .await?;

    // A program that is no service runs the relay itself; a service that is given its
    // outbox does so without being asked.
    let transport = KafkaTransport::connect(config).await?;
    let (stop, stopped) = oneshot::channel::<()>();
    let relay = outbox.relay(Arc::new(transport)).run(async {
        // Dropped, it says the same.
        let _ = stopped.await;
    });
    let work = async {
        let mut placed = pool.begin().await?;
        // The order itself is written here, in the same transaction.
        Outbox::send(&mut placed, Message::request("billing", bill::request(1))?).await?;
        placed.commit().await?;
        println!("order 1: a bill was sent");

        let mut refused = pool.begin().await?;
        Outbox::send(&mut refused, Message::request("billing", bill::request(2))?).await?;
        refused.rollback().await?;
        println!("order 2: taken back, and nothing was sent");

        let order = bills
            .recv()
            .await
            .context("the billing service has ended")?;
        println!("billed: order {order}");
        drop(stop);
        anyhow::Ok(())
    };
    let (worked, ()) = tokio::join!(work, relay);
    billing.stop().await;
    worked
}
