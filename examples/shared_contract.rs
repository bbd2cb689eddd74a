//! A contract in a crate of its own: the service implements it, the caller
//! depends on it and on nothing of the service.
//!
//! Run with: `cargo run --example shared_contract`
//!
//! You see:
//!
//! ```text
//! placed order 7: 2 x tea
//! ```
//!
//! The contract is `examples/orders/contract`; it builds without a C library. A
//! handler whose types are not the contract's does not compile.
#![expect(clippy::print_stdout, reason = "an example shows what happened")]

use ipc_core::prelude::*;
use ipc_examples::kafka;
use orders_contract::{OutOfStock, PlaceOrder, Placed};

/// The service's side. Method, path, mode and timeout are the contract's.
mod service {
    use super::*;

    #[endpoint(contract = orders_contract::place_order)]
    async fn place_order(
        Path(id): Path<u64>,
        Json(order): Json<PlaceOrder>,
    ) -> Result<Json<Placed>, OutOfStock> {
        let text = format!("{} x {}", order.count, order.item);
        Ok(Json(Placed { order: id, text }))
    }

    pub(crate) fn app() -> anyhow::Result<App> {
        Ok(App::new().endpoints(endpoints![place_order])?)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let kafka = kafka().await?;
    let service = Service::builder("orders")
        .create_topics(3)
        .kafka(kafka.clone());
    let service = service.serve(service::app()?).start().await?;

    let client = Client::builder("example")
        .create_topics(1)
        .connect_kafka(kafka)
        .await?;
    let order = PlaceOrder {
        item: "tea".to_owned(),
        count: 2,
    };
    let request = orders_contract::place_order::request(7, order);
    let placed: Placed = client.service("orders").call(request).await?;
    println!("placed order {}: {}", placed.order, placed.text);

    client.close().await;
    service.stop().await;
    Ok(())
}
