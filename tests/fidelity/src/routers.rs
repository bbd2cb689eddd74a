//! Routers within routers.

use axum::Router;
use axum::extract::{MatchedPath, NestedPath, OriginalUri, State};
use axum::http::{StatusCode, Uri};
use axum::routing::{any, get};
use tower::service_fn;

use crate::Case;

async fn place(
    matched: Option<MatchedPath>,
    uri: Uri,
    OriginalUri(original): OriginalUri,
) -> String {
    let matched = matched.map(|path| path.as_str().to_owned());
    format!("{matched:?} {uri} {original}")
}

fn nested() -> Router {
    let inner = Router::new()
        .route("/{id}", get(place))
        .route(
            "/prefix",
            get(|nest: NestedPath| async move { nest.as_str().to_owned() }),
        )
        .fallback(|uri: Uri| async move { (StatusCode::IM_A_TEAPOT, format!("inner {uri}")) });
    let service = service_fn(|request: axum::extract::Request| async move {
        Ok::<_, std::convert::Infallible>(axum::response::Response::new(axum::body::Body::from(
            request.uri().to_string(),
        )))
    });
    Router::new()
        .nest(
            "/api/{tenant}",
            Router::new().nest("/orders", inner.clone()),
        )
        .nest("/shallow", inner)
        .nest_service("/files", service)
        .route("/", get(place))
}

fn merged() -> Router {
    let one = Router::new().route(
        "/one",
        get(|State(n): State<u32>| async move { n.to_string() }),
    );
    let two = Router::new()
        .route("/two", any(place))
        .fallback(|| async { (StatusCode::NOT_FOUND, "mine") })
        .method_not_allowed_fallback(|| async { (StatusCode::METHOD_NOT_ALLOWED, "not so") });
    one.with_state(7).merge(two)
}

/// Requests to nested, merged and fallback routers.
pub const ROUTED: &[Case] = &[
    Case {
        name: "two levels down",
        app: nested,
        request: || crate::get("/api/acme/orders/7?x"),
        status: 200,
    },
    Case {
        name: "the nested prefix",
        app: nested,
        request: || crate::get("/api/acme/orders/prefix"),
        status: 200,
    },
    Case {
        name: "the fallback of a nested router",
        app: nested,
        request: || crate::get("/shallow/7/8"),
        status: 418,
    },
    Case {
        name: "a nested service",
        app: nested,
        request: || crate::get("/files/a//b?c"),
        status: 200,
    },
    Case {
        name: "the root",
        app: nested,
        request: || crate::get("/"),
        status: 200,
    },
    Case {
        name: "the default fallback",
        app: nested,
        request: || crate::get("/nobody"),
        status: 404,
    },
    Case {
        name: "a merged router with state",
        app: merged,
        request: || crate::get("/one"),
        status: 200,
    },
    Case {
        name: "a merged router",
        app: merged,
        request: || crate::get("/two"),
        status: 200,
    },
    Case {
        name: "a fallback of one's own",
        app: merged,
        request: || crate::get("/three"),
        status: 404,
    },
    Case {
        name: "a method refused in one's own words",
        app: merged,
        request: || crate::request("PUT", "/one"),
        status: 405,
    },
    Case {
        name: "no routes at all",
        app: Router::new,
        request: || crate::get("/"),
        status: 404,
    },
];
