//! Answers to pages of other origins.

use std::convert::Infallible;

use axum::body::Body;
use futures_util::FutureExt as _;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, request};
use tower::{Layer, ServiceExt as _, service_fn};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::config;

/// What browsers are told about one route.
#[derive(Clone)]
pub(super) struct Cors(CorsLayer);

impl Cors {
    /// By these rules, which have no credentials for every origin.
    pub(super) fn new(rules: &config::Cors) -> Self {
        let origins = match rules.origins.as_slice() {
            [] => AllowOrigin::any(),
            origins => AllowOrigin::list(origins.iter().cloned()),
        };
        let headers = match rules.headers.as_slice() {
            [] => AllowHeaders::mirror_request(),
            headers => AllowHeaders::list(headers.iter().cloned()),
        };
        Self(
            CorsLayer::new()
                .allow_origin(origins)
                .allow_methods(rules.methods.clone())
                .allow_headers(headers)
                .expose_headers(rules.expose.clone())
                .allow_credentials(rules.credentials && !rules.origins.is_empty())
                .max_age(rules.max_age),
        )
    }

    /// The answer to a preflight.
    pub(super) fn preflight(&self, head: &request::Parts) -> Response<Body> {
        let mut answer = self.told(head);
        *answer.status_mut() = StatusCode::NO_CONTENT;
        answer
    }

    /// Adds what a browser is told about the answer to a request with these headers. What
    /// the application says of it itself is replaced: two would contradict each other.
    pub(super) fn tell(&self, origin: Option<HeaderValue>, answer: &mut HeaderMap) {
        let mut asked = Request::new(()).into_parts().0;
        // Without one there is still to be told that an answer depends on it.
        asked.headers.extend(origin.map(|origin| (ORIGIN, origin)));
        let told = self.told(&asked).into_parts().0.headers;
        for own in [
            ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            ACCESS_CONTROL_EXPOSE_HEADERS,
        ] {
            answer.remove(own);
        }
        for (name, value) in &told {
            if name == VARY {
                answer.append(name, value.clone());
            } else {
                answer.insert(name, value.clone());
            }
        }
    }

    /// Whether pages of the origin that asks may call.
    pub(super) fn lets_in(&self, head: &request::Parts) -> bool {
        let told = self.told(head);
        told.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN)
    }

    fn told(&self, head: &request::Parts) -> Response<Body> {
        let nothing =
            service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Body::empty())));
        let mut request = Request::new(());
        *request.method_mut() = Method::clone(&head.method);
        *request.headers_mut() = head.headers.clone();
        let told = self.0.layer(nothing).oneshot(request).now_or_never();
        // Nothing of it waits.
        told.map_or_else(Response::default, |Ok(told)| told)
    }
}

impl std::fmt::Debug for Cors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cors").finish_non_exhaustive()
    }
}

/// The method that a page asks for, where this is a preflight.
pub(super) fn asked_for(head: &request::Parts) -> Option<Method> {
    if head.method != Method::OPTIONS || !head.headers.contains_key(ORIGIN) {
        return None;
    }
    let method = head.headers.get(ACCESS_CONTROL_REQUEST_METHOD)?;
    Method::from_bytes(method.as_bytes()).ok()
}
