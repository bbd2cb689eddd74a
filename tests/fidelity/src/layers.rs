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
use tower_http::request_id::{
    MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::Case;

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

/// An application that answers, hangs and panics.
pub fn routes() -> Router {
    Router::new()
        .route("/text", get(|| async { "compressible ".repeat(1000) }))
        .route("/forever", get(std::future::pending::<()>))
        .route("/panic", get(|| async { panic!("boom") as () }))
}

/// The same behind what services have around their routes.
pub fn layered() -> Router {
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
                Duration::from_millis(100),
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

/// Requests through middleware.
pub const LAYERED: &[Case] = &[
    Case {
        name: "request id and trace",
        app: layered,
        request: || crate::get("/text"),
        status: 200,
    },
    Case {
        name: "a request id of the client's",
        app: layered,
        request: || with(&[("x-request-id", "mine")], crate::get("/text")),
        status: 200,
    },
    Case {
        name: "compression",
        app: layered,
        request: || with(&[("accept-encoding", "gzip")], crate::get("/text")),
        status: 200,
    },
    Case {
        name: "compression, HEAD",
        app: layered,
        request: || {
            with(
                &[("accept-encoding", "gzip")],
                crate::request("HEAD", "/text"),
            )
        },
        status: 200,
    },
    Case {
        name: "a timeout",
        app: layered,
        request: || crate::get("/forever"),
        status: 408,
    },
    Case {
        name: "a panic caught by a layer",
        app: layered,
        request: || crate::get("/panic"),
        status: 500,
    },
    Case {
        name: "CORS",
        app: layered,
        request: || with(&[("origin", "https://shop.example")], crate::get("/text")),
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
            with(&asked, crate::request("OPTIONS", "/text"))
        },
        status: 200,
    },
    Case {
        name: "room within a concurrency limit",
        app: || bounded(1),
        request: || crate::get("/text"),
        status: 200,
    },
    Case {
        name: "load shed where there is none",
        app: || bounded(0),
        request: || crate::get("/text"),
        status: 503,
    },
];
