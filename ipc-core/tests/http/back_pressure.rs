//! Readiness is honoured: a service that is full holds its lane.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use futures_util::poll;
use ipc_core::dispatch::Outcome;
use ipc_core::http::HttpAdapter;
use std::sync::Arc;
use tokio::sync::Notify;
use tower::limit::ConcurrencyLimit;
use tower::{Service, ServiceExt};

use crate::carry::{CALL, deliver, encode};

#[tokio::test]
async fn a_full_service_makes_the_adapter_wait_and_no_permit_is_lost() {
    let release = Arc::new(Notify::new());
    let released = release.clone();
    let app = Router::new().route("/", get(move || async move { released.notified().await }));
    let mut adapter = HttpAdapter::new(ConcurrencyLimit::new(app, 1));

    // Twice, so that a permit lost by the first call would block the second.
    for _ in 0..2 {
        let request = Request::get("/").body(Body::empty()).unwrap();
        let delivery = deliver(encode(request, CALL).await, CALL.mode);
        let mut call = adapter.ready().await.unwrap().call(delivery);
        assert!(poll!(&mut call).is_pending());
        assert!(poll!(std::pin::pin!(adapter.ready())).is_pending());
        release.notify_one();
        assert!(matches!(call.await, Ok(Outcome::Reply(reply)) if reply.status == 200));
    }
}

#[tokio::test]
async fn a_refused_record_leaves_the_service_ready() {
    let mut adapter = HttpAdapter::new(ConcurrencyLimit::new(Router::new(), 1));
    for _ in 0..2 {
        let request = Request::get("/").body(Body::empty()).unwrap();
        let mut record = encode(request, CALL).await;
        record.headers.remove(":path");
        let delivery = deliver(record, CALL.mode);
        let outcome = adapter.ready().await.unwrap().call(delivery).await;
        assert!(matches!(outcome, Ok(Outcome::Reply(reply)) if reply.status == 400));
    }
}
