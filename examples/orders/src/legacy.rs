//! What was there before: an HTTP server that stays where it is.

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use tokio::time::Instant;

use crate::hops::Hops;

/// The application; each of its requests is a hop.
pub(crate) fn app(hops: Hops) -> Router {
    Router::new()
        .route(
            "/invoices/{id}",
            get(async |Path(id): Path<u64>| format!("invoice {id}, from the old system\n")),
        )
        .layer(middleware::from_fn_with_state(hops, tell))
}

async fn tell(State(hops): State<Hops>, request: Request, next: Next) -> Response {
    let what = format!("{} {}", request.method(), request.uri().path());
    let begun = Instant::now();
    let response = next.run(request).await;
    hops.over_http("legacy", &what, response.status(), begun.elapsed());
    response
}
