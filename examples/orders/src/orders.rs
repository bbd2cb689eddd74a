//! The orders service: three endpoints with contracts, and a plain axum route.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use futures_util::stream;
use ipc_core::prelude::*;
use ipc_core::response::Replies;
use ipc_core::routing::RouteConflicts;
use orders_contract::{Audited, OrderEvent, OutOfStock, PlaceOrder, Placed};
use parking_lot::Mutex;
use tokio::sync::watch;

/// What happened to each order, for whoever follows it.
#[derive(Clone, Default)]
struct Orders(Arc<Mutex<HashMap<u64, watch::Sender<Vec<OrderEvent>>>>>);

impl Orders {
    fn record(&self, order: u64, event: OrderEvent) {
        let mut orders = self.0.lock();
        let history = orders.entry(order).or_default();
        history.send_modify(|events| events.push(event));
    }

    fn follow(&self, order: u64) -> watch::Receiver<Vec<OrderEvent>> {
        self.0.lock().entry(order).or_default().subscribe()
    }
}

#[endpoint(contract = orders_contract::place_order)]
async fn place_order(
    State(orders): State<Orders>,
    Path(id): Path<u64>,
    Json(order): Json<PlaceOrder>,
) -> Result<Json<Placed>, OutOfStock> {
    if order.item != "tea" {
        return Err(OutOfStock { item: order.item });
    }
    let text = format!("{} x {}", order.count, order.item);
    orders.record(id, OrderEvent::Placed(order));
    Ok(Json(Placed { order: id, text }))
}

#[endpoint(contract = orders_contract::audit)]
async fn audit(State(orders): State<Orders>, Path(id): Path<u64>, Json(audited): Json<Audited>) {
    orders.record(id, OrderEvent::Audited(audited));
}

/// Everything so far, then what happens, until the audit.
#[endpoint(contract = orders_contract::events)]
async fn events(State(orders): State<Orders>, Path(id): Path<u64>) -> Replies<OrderEvent> {
    let history = orders.follow(id);
    Replies::new(stream::unfold(Some((history, 0)), |state| async move {
        let (mut history, seen) = state?;
        let event = history.wait_for(|events| events.len() > seen).await.ok()?[seen].clone();
        let over = matches!(event, OrderEvent::Audited(_));
        Some((event, (!over).then_some((history, seen + 1))))
    }))
}

/// The application.
pub(crate) fn app() -> Result<App, RouteConflicts> {
    let untouched = Router::new().route(
        "/hello/{name}",
        get(async |Path(name): Path<String>| format!("hello {name}")),
    );
    let endpoints = endpoints![place_order, audit, events];
    Ok(App::new()
        .endpoints(endpoints)?
        .merge(untouched)
        .with_state(Orders::default()))
}
