//! What the admin port tells beside health and metrics.

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde::Serialize;

use crate::gateway::Gateway;
use crate::migration::RouteStatus;

/// A page runs its own script and asks this port, and does nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; \
                      connect-src 'self'; frame-ancestors 'none'";

/// `GET /admin/migration`: where every route that moves stands, as JSON;
/// `/admin/migration.html` for people.
pub(super) fn router(gateway: Gateway) -> Router {
    Router::new()
        .route("/admin/migration", get(migration))
        .route(
            "/admin/migration.html",
            get(async || file("text/html; charset=utf-8", include_str!("migration.html"))),
        )
        .route(
            "/admin/migration.js",
            get(async || {
                file(
                    "text/javascript; charset=utf-8",
                    include_str!("migration.js"),
                )
            }),
        )
        .with_state(gateway)
}

#[derive(Serialize)]
struct Migration {
    routes: Vec<RouteStatus>,
}

async fn migration(State(gateway): State<Gateway>) -> Response {
    let routes = gateway.moving().into_iter().map(|route| route.status());
    let migration = Migration {
        routes: routes.collect(),
    };
    ([(CACHE_CONTROL, "no-store")], Json(migration)).into_response()
}

fn file(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}
