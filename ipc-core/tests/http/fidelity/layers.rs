//! tower-http's layers and tower's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::error_handling::HandleErrorLayer;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::routing::get;
use tower::ServiceBuilder;
use tower::limit::ConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::normalize_path::NormalizePathLayer;
use tower_http::request_id::{
    MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use super::{CALL, Case, over_kafka, same_both_ways};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Request ids that are the same in every run.
#[derive(Clone, Default)]
struct Count(Arc<AtomicU32>);

impl MakeRequestId for Count {
    fn make_request_id<B>(&mut self, _: &axum::http::Request<B>) -> Option<RequestId> {
        let id = self.0.fetch_add(1, Ordering::Relaxed);
        Some(RequestId::new(HeaderValue::from(id)))
    }
}

fn routes() -> Router {
    Router::new()
        .route("/text", get(|| async { "compressible ".repeat(1000) }))
        .route("/forever", get(std::future::pending::<()>))
        .route("/panic", get(|| async { panic!("boom") as () }))
}

fn layered() -> Router {
    let cors = CorsLayer::new()
        .allow_origin(["https://shop.example".parse().unwrap()])
        .allow_methods([Method::GET, Method::PUT])
        .allow_headers([REQUEST_ID])
        .max_age(Duration::from_secs(60));
    routes().layer(
        ServiceBuilder::new()
            .layer(SetRequestIdLayer::new(REQUEST_ID, Count::default()))
            .layer(PropagateRequestIdLayer::new(REQUEST_ID))
            .layer(TraceLayer::new_for_http())
            .layer(cors)
            .layer(CatchPanicLayer::new())
            .layer(CompressionLayer::new())
            .layer(TimeoutLayer::with_status_code(
                StatusCode::REQUEST_TIMEOUT,
                Duration::from_secs(5),
            )),
    )
}

fn bounded(permits: usize) -> Router {
    routes().layer(
        ServiceBuilder::new()
            .layer(HandleErrorLayer::new(|error: tower::BoxError| async move {
                (StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            }))
            .layer(LoadShedLayer::new())
            .layer(ConcurrencyLimitLayer::new(permits)),
    )
}

fn with(headers: &[(&'static str, &'static str)], mut request: Request) -> Request {
    for (name, value) in headers {
        request
            .headers_mut()
            .append(*name, HeaderValue::from_static(value));
    }
    request
}

#[tokio::test(start_paused = true)]
async fn layers_do_the_same() {
    same_both_ways(&[
        Case {
            name: "request id and trace",
            app: layered,
            request: || super::get("/text"),
            status: 200,
        },
        Case {
            name: "a request id of the client's",
            app: layered,
            request: || with(&[("x-request-id", "mine")], super::get("/text")),
            status: 200,
        },
        Case {
            name: "compression",
            app: layered,
            request: || with(&[("accept-encoding", "gzip")], super::get("/text")),
            status: 200,
        },
        Case {
            name: "compression, HEAD",
            app: layered,
            request: || {
                with(
                    &[("accept-encoding", "gzip")],
                    super::request("HEAD", "/text"),
                )
            },
            status: 200,
        },
        Case {
            name: "a timeout",
            app: layered,
            request: || super::get("/forever"),
            status: 408,
        },
        Case {
            name: "a panic caught by a layer",
            app: layered,
            request: || super::get("/panic"),
            status: 500,
        },
        Case {
            name: "CORS",
            app: layered,
            request: || with(&[("origin", "https://shop.example")], super::get("/text")),
            status: 200,
        },
        Case {
            name: "a CORS preflight",
            app: layered,
            request: || {
                let asked = [
                    ("origin", "https://shop.example"),
                    ("access-control-request-method", "PUT"),
                    ("access-control-request-headers", "x-request-id"),
                ];
                with(&asked, super::request("OPTIONS", "/text"))
            },
            status: 200,
        },
        Case {
            name: "room within a concurrency limit",
            app: || bounded(1),
            request: || super::get("/text"),
            status: 200,
        },
        Case {
            name: "load shed where there is none",
            app: || bounded(0),
            request: || super::get("/text"),
            status: 503,
        },
    ])
    .await;
}

#[tokio::test]
async fn the_layers_leave_something_to_compare() {
    let compressed = with(&[("accept-encoding", "gzip")], super::get("/text"));
    let compressed = over_kafka(layered(), compressed, CALL).await;
    assert_eq!(compressed.headers()["content-encoding"], "gzip");
    assert_eq!(compressed.headers()["x-request-id"], "0");
    assert!(compressed.body().starts_with(b"\x1f\x8b"));
}

#[tokio::test]
async fn a_layer_around_the_router_is_served_as_well() {
    use tower::Layer;

    let app = NormalizePathLayer::trim_trailing_slash().layer(routes());
    let delivery = crate::carry::encode(super::get("/text/"), CALL).await;
    let delivery = crate::carry::deliver(delivery, CALL.mode);
    let ipc_core::dispatch::Outcome::Reply(reply) = crate::carry::outcome(app, delivery).await
    else {
        panic!("a call is always answered");
    };
    assert_eq!(reply.status, 200);
}
