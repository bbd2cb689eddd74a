//! An application cannot tell: asked directly and asked over Kafka, it gives
//! the same answer.

mod bodies;
mod headers;
mod layers;
mod methods;
mod paths;
#[cfg(feature = "connect-info")]
mod peer;
mod routers;

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{Response, StatusCode};
use bytes::Bytes;
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::carry::{CALL, over_kafka};

/// One row of a table: an application, a request, and the status that shows the
/// request got where it was meant to go.
struct Case {
    name: &'static str,
    app: fn() -> Router,
    request: fn() -> Request,
    status: u16,
}

/// Asks each application both ways. Each gets its own instance, so that one
/// that counts starts from the beginning.
async fn same_both_ways(cases: &[Case]) {
    for case in cases {
        let name = case.name;
        let plain = directly((case.app)(), (case.request)()).await;
        let carried = over_kafka((case.app)(), (case.request)(), CALL).await;
        assert_eq!(plain.status().as_u16(), case.status, "{name}: {plain:?}");
        assert_eq!(carried.status(), plain.status(), "{name}: status");
        assert_eq!(carried.headers(), plain.headers(), "{name}: headers");
        assert!(carried.body() == plain.body(), "{name}: body");
    }
}

async fn directly(app: Router, request: Request) -> Response<Bytes> {
    let Ok(response) = app.oneshot(request).await;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("the body does not break off");
    Response::from_parts(parts, body.to_bytes())
}

/// An application that answers with everything it sees of a request.
fn mirror() -> Router {
    Router::new().fallback(|request: Request| async {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, usize::MAX).await.map_err(|error| {
            let status = StatusCode::BAD_REQUEST;
            (status, error.to_string())
        })?;
        let headers: Vec<_> = parts
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.as_bytes().escape_ascii()))
            .collect();
        Ok::<_, (StatusCode, String)>(format!(
            "{} {} {:?}\nauthority {:?}, path {}, query {:?}\n{headers:#?}\n{}",
            parts.method,
            parts.uri,
            parts.version,
            parts.uri.authority(),
            parts.uri.path(),
            parts.uri.query(),
            body.escape_ascii(),
        ))
    })
}

fn request(method: &str, uri: &str) -> Request {
    Request::builder()
        .method(method)
        .uri(uri)
        .body(Body::empty())
        .unwrap()
}

fn get(uri: &str) -> Request {
    request("GET", uri)
}

/// A body of unknown length: many frames, no size hint.
fn unknown_length(frames: usize, frame: &'static [u8]) -> Body {
    let frames = std::iter::repeat_n(Ok::<_, Infallible>(Bytes::from_static(frame)), frames);
    Body::from_stream(futures_util::stream::iter(frames))
}
