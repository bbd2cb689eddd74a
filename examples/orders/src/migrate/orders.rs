//! One application twice: as it was, and as a service, which can be made to differ.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use parking_lot::RwLock;
use serde_json::{Value, json};

/// The service, as it behaves at present.
#[derive(Clone, Default)]
pub(super) struct Orders(Arc<RwLock<Behaviour>>);

/// How the service behaves.
#[derive(Clone, Copy, Default)]
pub(super) enum Behaviour {
    /// Its totals lack the cents.
    #[default]
    Differing,
    /// As the legacy server.
    Right,
    /// It answers 500.
    Failing,
}

/// What both sides know of an order.
pub(super) fn order(id: u64, served_by: &str) -> Value {
    json!({"order": id, "total": total(id), "served_by": served_by})
}

/// Every third order has cents.
fn total(id: u64) -> f64 {
    let cents = if id.is_multiple_of(3) { 0.5 } else { 0.0 };
    (id % 100) as f64 + cents
}

impl Orders {
    pub(super) fn behave(&self, behaviour: Behaviour) {
        *self.0.write() = behaviour;
    }

    /// The service's router; nothing in it knows of Kafka.
    pub(super) fn service(&self) -> Router {
        Router::new()
            .route("/orders/{id}", get(show))
            .with_state(self.clone())
    }

    /// The legacy server's.
    pub(super) fn legacy(&self) -> Router {
        let show = async |Path(id): Path<u64>| Json(order(id, "legacy"));
        Router::new().route("/orders/{id}", get(show))
    }
}

async fn show(
    State(orders): State<Orders>,
    Path(id): Path<u64>,
) -> Result<Json<Value>, StatusCode> {
    let behaviour = *orders.0.read();
    let mut order = order(id, "service");
    match behaviour {
        Behaviour::Right => {}
        Behaviour::Differing => order["total"] = json!(total(id).floor()),
        Behaviour::Failing => return Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
    Ok(Json(order))
}
