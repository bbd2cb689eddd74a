//! The process that does the work, as a service that dispatch calls.

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_TYPE, EXPECT, RETRY_AFTER};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, StatusCode, Uri, Version};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use ipc_core::envelope::{Problem, problem};
use ipc_core::http::headers::strip_hop_by_hop;

use super::told;
use crate::config::LegacyOrigin;

/// How long a connection to the process may take to open.
const CONNECT: Duration = Duration::from_secs(2);
/// How long an unused connection is kept: below the keep-alive of the usual servers
/// (Node 5 s), which would close it under our hands.
const IDLE: Duration = Duration::from_secs(4);
/// When a process that is away may be asked again, in seconds.
const AWAY: HeaderValue = HeaderValue::from_static("1");

/// An HTTP process. Clones share its connections.
///
/// A request gets to it as it was sent, and is told in headers what HTTP has no word for:
/// `x-request-id` (the correlation id, unless the client set one), `ipc-deadline` (Unix
/// milliseconds), `ipc-attempt` (from 1 on) and `ipc-shadow: 1`. When the deadline has
/// passed, the connection is closed.
///
/// While the process is not there, 503 with `retry-after` is answered in its place: a
/// call's caller hears it, and a one-way request waits. Where it went away in the middle
/// of a request, that is 502, and a one-way is tried again as its service retries.
#[derive(Clone, Debug)]
pub struct Process {
    authority: Authority,
    client: Client<HttpConnector, Body>,
}

impl Process {
    /// The process at `origin`.
    #[must_use]
    pub fn at(origin: &LegacyOrigin) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self {
            authority: origin.authority().clone(),
            client,
        }
    }

    async fn ask(&self, request: Request<Body>) -> Response<Body> {
        let (mut head, body) = request.into_parts();
        strip_hop_by_hop(&mut head.headers);
        // The whole body is here.
        head.headers.remove(EXPECT);
        told::tell(&mut head).await;
        head.version = Version::HTTP_11;
        head.uri = self.absolute(&head.uri);
        match self.client.request(Request::from_parts(head, body)).await {
            Ok(response) => {
                let mut response = response.map(Body::new);
                strip_hop_by_hop(response.headers_mut());
                response
            }
            Err(error) => self.failed(&error),
        }
    }

    fn absolute(&self, uri: &Uri) -> Uri {
        let mut parts = uri.clone().into_parts();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.authority.clone());
        parts
            .path_and_query
            .get_or_insert(PathAndQuery::from_static("/"));
        // All three parts are there, which is all it takes.
        Uri::from_parts(parts).unwrap_or_default()
    }

    fn failed(&self, error: &Error) -> Response<Body> {
        let process = &self.authority;
        if error.is_connect() {
            tracing::warn!(%process, %error, "the process is not there: its requests wait");
            let problem = Problem::new("process-away", "the service's process is away", 503);
            let mut response = answer(&problem.with_detail("nothing was sent to it"));
            response.headers_mut().insert(RETRY_AFTER, AWAY);
            return response;
        }
        tracing::warn!(%process, %error, "the process broke off a request");
        let problem = Problem::new("process-broke-off", "the service's process broke off", 502);
        answer(&problem.with_detail("whether it did the work is not known"))
    }
}

fn answer(problem: &Problem) -> Response<Body> {
    let mut response = Response::new(Body::from(problem.to_json()));
    *response.status_mut() =
        StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_GATEWAY);
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static(problem::CONTENT_TYPE),
    );
    response
}

impl tower_service::Service<Request<Body>> for Process {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move { Ok(this.ask(request).await) })
    }
}
