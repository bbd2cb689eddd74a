//! The handlers the other files serve and call.

use std::time::Duration;

use axum::Json;
use axum::extract::{Multipart, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use ipc_core::endpoint;
use ipc_core::response::{FailureExt, Replies};
use serde::{Deserialize, Serialize};

#[derive(Clone)]
pub(crate) struct Orders {
    pub(crate) prefix: &'static str,
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone, Copy)]
pub(crate) struct OrderId(pub(crate) u64);

#[derive(Serialize, Deserialize, Debug)]
pub(crate) struct PlaceOrder {
    pub(crate) item: String,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
pub(crate) struct Placed {
    pub(crate) text: String,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
pub(crate) struct OrderError {
    pub(crate) code: u16,
}

impl IntoResponse for OrderError {
    fn into_response(self) -> Response {
        (StatusCode::CONFLICT, Json(self)).into_response()
    }
}

/// Place an order.
#[endpoint(POST "/orders/{id}/place", timeout = "5s", idempotency = optional)]
pub(crate) async fn place_order(
    State(orders): State<Orders>,
    Path(id): Path<OrderId>,
    Json(command): Json<PlaceOrder>,
) -> Result<Json<Placed>, OrderError> {
    if command.item.is_empty() {
        return Err(OrderError { code: 7 });
    }
    Ok(Json(Placed {
        text: format!("{}{}:{}", orders.prefix, id.0, command.item),
    }))
}

#[endpoint(POST "/orders/{id}/audit", one_way, retry(attempts = 5, backoff = "100ms..10s"))]
pub(crate) async fn audit(Path(_): Path<OrderId>, body: Bytes) -> Result<(), Response> {
    if body.is_empty() {
        return Err(StatusCode::SERVICE_UNAVAILABLE
            .retry_after(Duration::from_secs(1))
            .into_response());
    }
    Ok(())
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) after: Option<u32>,
    pub(crate) text: String,
}

#[endpoint(GET "/orders/{id}/lines/{no}", key = id, safe)]
pub(crate) async fn line(
    Path((id, no)): Path<(OrderId, u8)>,
    Query(page): Query<Page>,
    headers: HeaderMap,
) -> Json<(u64, u8, String, usize)> {
    Json((id.0, no, page.text, headers.len()))
}

#[endpoint(GET "/orders/{id}/events", stream)]
pub(crate) async fn order_events(Path(id): Path<OrderId>) -> Result<Replies<Placed>, OrderError> {
    let event = |n: u64| {
        let text = n.to_string();
        Ok(Placed { text })
    };
    let failed = Err(OrderError { code: 7 });
    Ok(Replies::fallible(stream::iter(
        (0..id.0).map(event).chain([failed]),
    )))
}

#[endpoint(POST "/orders/{id}/upload")]
pub(crate) async fn upload(_: Path<OrderId>, _: Multipart) -> StatusCode {
    StatusCode::CREATED
}

#[endpoint(PUT "/raw/{*rest}", key = none)]
pub(crate) async fn raw(request: Request) -> impl IntoResponse {
    request.uri().path().to_owned()
}

#[endpoint(GET "/ping", service = "orders")]
pub(crate) async fn ping() -> &'static str {
    "pong"
}

/// Read only: the service never writes it.
#[derive(Deserialize)]
pub(crate) struct Incoming {
    pub(crate) n: u8,
}

/// Written only: the service never reads it.
#[derive(Serialize)]
pub(crate) struct Outgoing {
    pub(crate) n: u8,
}

#[endpoint(POST "/one-sided")]
pub(crate) async fn one_sided(Json(incoming): Json<Incoming>) -> Json<Outgoing> {
    Json(Outgoing { n: incoming.n })
}
