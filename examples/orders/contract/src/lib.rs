//! What the orders service and its callers agree on.
//!
//! Callers depend on this crate, not on the service; without the default features
//! of `ipc-core` it needs no C library.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::{Deserialize, Serialize};

/// What a customer wants.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PlaceOrder {
    /// The article.
    pub item: String,
    /// How many of it.
    pub count: u32,
}

/// An order that was taken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Placed {
    /// Its number.
    pub order: u64,
    /// What will be sent.
    pub text: String,
}

/// An order that cannot be taken; answered with status 409.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OutOfStock {
    /// The article that is missing.
    pub item: String,
}

impl IntoResponse for OutOfStock {
    fn into_response(self) -> Response {
        (StatusCode::CONFLICT, Json(self)).into_response()
    }
}

/// Somebody looked at an order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Audited {
    /// Who.
    pub by: String,
}

/// What happened to an order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderEvent {
    /// It was taken.
    Placed(PlaceOrder),
    /// It was looked at.
    Audited(Audited),
}

ipc_core::contract! {
    /// Place an order.
    pub POST "/orders/{id}/place", timeout = "5s", service = "orders"
    place_order(id: Path<u64>, order: Json<PlaceOrder>) -> Result<Json<Placed>, OutOfStock>;

    /// Tell that an order was looked at.
    pub POST "/orders/{id}/audit", one_way, service = "orders"
    audit(id: Path<u64>, audited: Json<Audited>);

    /// Follow an order until it was audited.
    pub GET "/orders/{id}/events", stream, service = "orders"
    events(id: Path<u64>) -> Replies<OrderEvent>;
}
