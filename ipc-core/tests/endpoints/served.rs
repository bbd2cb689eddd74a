//! Typed endpoints and typed callers over the development broker.

use std::error::Error;

use axum::Json;
use axum::extract::{Path, State};
use futures_util::StreamExt as _;
use ipc_core::client::CallError;
use ipc_core::embedded::EmbeddedBroker;
use ipc_core::prelude::{App, Client, Service, endpoint, endpoints};

use crate::handlers::*;

/// `place_order` without stored replies: no store is needed here.
#[endpoint(POST "/orders/{id}/take", timeout = "20s")]
async fn take_order(
    state: State<Orders>,
    id: Path<OrderId>,
    order: Json<PlaceOrder>,
) -> Result<Json<Placed>, OrderError> {
    place_order(state, id, order).await
}

#[tokio::test(flavor = "multi_thread")]
async fn typed_callers_are_answered_over_kafka() -> Result<(), Box<dyn Error>> {
    let app: App = App::new()
        .endpoints(endpoints![take_order, audit, order_events, ping])?
        .with_state(Orders { prefix: "#" });
    let broker = EmbeddedBroker::start().await?;
    let service = Service::builder("orders")
        .create_topics(3)
        .kafka(broker.config())
        .serve(app)
        .start()
        .await?;
    let client = Client::builder("web")
        .create_topics(3)
        .connect_kafka(broker.config())
        .await?;
    let orders = client.service("orders");

    let order = |item: &str| PlaceOrder { item: item.into() };
    let placed = orders
        .call(take_order::request(OrderId(7), order("tea")))
        .idempotency_key("k")
        .await?;
    assert_eq!(placed.text, "#7:tea");

    let refused = orders
        .call(take_order::request(OrderId(7), order("")))
        .await;
    let Err(CallError::Application(refused)) = refused else {
        panic!("not refused: {refused:?}");
    };
    assert_eq!(refused.status(), 409);
    assert_eq!(refused.typed()?, OrderError { code: 7 });

    orders
        .send(audit::request(OrderId(7), "event".into()))
        .await?;

    let events = orders.stream(order_events::request(OrderId(3))).await?;
    let events: Vec<_> = events.collect().await;
    let texts: Vec<&str> = events
        .iter()
        .filter_map(|event| event.as_ref().ok())
        .map(|event| &*event.text)
        .collect();
    assert_eq!(texts, ["0", "1", "2"]);
    assert!(events.last().is_some_and(Result::is_err), "{events:?}");

    let raw = orders.call(ping::request()).await?;
    assert_eq!(raw.body, "pong");

    service.stop().await;
    client.close().await;
    Ok(())
}
