//! The author's own layers around every message.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use ipc_core::dispatch::{Delivery, Outcome};
use parking_lot::Mutex;
use tower::ServiceExt as _;
use tower::util::{MapRequestLayer, MapResponseLayer};

use super::system::{System, TestResult};

#[tokio::test(start_paused = true)]
async fn layers_run_around_the_handler_the_first_outermost() -> TestResult {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = |what: &'static str| {
        let seen = Arc::clone(&seen);
        move || seen.lock().push(what)
    };
    let (first, second, handler, after) = (
        note("first"),
        note("second"),
        note("handler"),
        note("after"),
    );
    let app = Router::new().route("/", get(async move || handler()));
    let system = System::new();
    let service = system
        .service("orders")
        .layer(MapRequestLayer::new(move |delivery: Delivery| {
            first();
            delivery
        }))
        .layer(MapRequestLayer::new(move |delivery: Delivery| {
            second();
            delivery
        }))
        .layer(MapResponseLayer::new(move |outcome: Outcome| {
            after();
            outcome
        }))
        .serve(app)
        .start()
        .await?;
    let client = system.client("web").await?;
    let request = Request::get("http://orders/").body(Body::empty())?;
    client.clone().oneshot(request).await?;
    assert_eq!(*seen.lock(), ["first", "second", "handler", "after"]);
    client.close().await;
    service.stop().await;
    Ok(())
}
