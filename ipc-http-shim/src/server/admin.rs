//! What the admin port tells beside health and metrics.

use axum::Router;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde::Serialize;

use crate::gateway::Gateway;
use crate::migration::RouteStatus;

/// `GET /admin/migration`: where every route that moves stands.
pub(super) fn router(gateway: Gateway) -> Router {
    Router::new()
        .route("/admin/migration", get(migration))
        .with_state(gateway)
}

#[derive(Serialize)]
struct Migration {
    routes: Vec<RouteStatus>,
}

async fn migration(State(gateway): State<Gateway>) -> Response {
    let routes = gateway.moving().iter().map(|route| route.status());
    let migration = Migration {
        routes: routes.collect(),
    };
    ([(CACHE_CONTROL, "no-store")], Json(migration)).into_response()
}
