//! Handlers that carry their contracts: the caller names the handler and has its
//! types, its timeout and its key, without an HTTP client in between.
//!
//! Run with: `cargo run --example typed_endpoints`
//!
//! You see:
//!
//! ```text
//! placed order 7: 2 x tea
//! refused with 409: we are out of coffee
//! by hand: still a plain route
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what happened")]

use std::collections::HashSet;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ipc_core::client::{CallError, Client};
use ipc_core::prelude::*;
use ipc_core::service::Service;
use ipc_examples::kafka;
use serde::{Deserialize, Serialize};
use tower::ServiceExt;

#[derive(Serialize, Deserialize)]
struct PlaceOrder {
    item: String,
    count: u32,
}

#[derive(Serialize, Deserialize)]
struct Placed {
    order: u64,
    text: String,
}

/// The body of an error reply; its status is 409.
#[derive(Serialize, Deserialize, Debug)]
struct OutOfStock {
    item: String,
}

impl IntoResponse for OutOfStock {
    fn into_response(self) -> Response {
        (StatusCode::CONFLICT, Json(self)).into_response()
    }
}

#[derive(Clone)]
struct Stock(Arc<HashSet<&'static str>>);

/// Requests of one order are handled one after the other: `id` is their key.
#[endpoint(POST "/orders/{id}/place", timeout = "5s")]
async fn place_order(
    State(stock): State<Stock>,
    Path(id): Path<u64>,
    Json(order): Json<PlaceOrder>,
) -> Result<Json<Placed>, OutOfStock> {
    if !stock.0.contains(&*order.item) {
        return Err(OutOfStock { item: order.item });
    }
    let text = format!("{} x {}", order.count, order.item);
    Ok(Json(Placed { order: id, text }))
}

fn app() -> anyhow::Result<App> {
    let by_hand = Router::new().route("/by-hand", get(|| async { "still a plain route" }));
    let stock = Stock(Arc::new(HashSet::from(["tea"])));
    Ok(App::new()
        .endpoints(endpoints![place_order])?
        .merge(by_hand)
        .with_state(stock))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let kafka = kafka().await?;
    let service = Service::builder("shop")
        .create_topics(3)
        .kafka(kafka.clone());
    let service = service.serve(app()?).start().await?;
    let client = Client::builder("example")
        .create_topics(1)
        .connect_kafka(kafka)
        .await?;
    let shop = client.service("shop");

    let order = |item: &str| PlaceOrder {
        item: item.to_owned(),
        count: 2,
    };
    let placed: Placed = shop.call(place_order::request(7, order("tea"))).await?;
    println!("placed order {}: {}", placed.order, placed.text);

    match shop.call(place_order::request(8, order("coffee"))).await {
        Err(CallError::Application(reply)) => {
            let OutOfStock { item } = reply.typed()?;
            println!("refused with {}: we are out of {item}", reply.status());
        }
        other => anyhow::bail!(
            "coffee was not refused: {:?}",
            other.map(|placed| placed.text)
        ),
    }

    let request = Request::get("http://shop/by-hand").body(Body::empty())?;
    let response = client.clone().oneshot(request).await?;
    let body = to_bytes(response.into_body(), usize::MAX).await?;
    println!("by hand: {}", str::from_utf8(&body)?);

    client.close().await;
    service.stop().await;
    Ok(())
}
