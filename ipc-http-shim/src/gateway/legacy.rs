//! The legacy upstream: a reverse proxy for what has not moved yet.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use axum::body::Body;
use http::header::EXPECT;
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{Request, Response, Version};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use ipc_core::envelope::Problem;
use ipc_core::http::headers::strip_hop_by_hop;

use super::answer::Refusal;
use super::{forwarded, progress, rewriting};
use crate::config::LegacyOrigin;
use crate::peer::Peer;

/// How long a connection to the upstream may take to open.
const CONNECT: Duration = Duration::from_secs(5);

/// How long an unused connection is kept: below the keep-alive of the usual
/// servers, which would close it under our hands.
const IDLE: Duration = Duration::from_secs(4);

/// Passes requests to an HTTP server, bodies streamed both ways.
#[derive(Clone, Debug)]
pub(super) struct LegacyProxy {
    authority: Authority,
    client: Client<HttpConnector, Body>,
}

impl LegacyProxy {
    pub(super) fn new(origin: &LegacyOrigin) -> Self {
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

    /// Whether another one goes to the same server.
    pub(super) fn goes_where(&self, other: &Self) -> bool {
        self.authority == other.authority
    }

    /// Answers with the upstream's response. `timeout` bounds the wait for its
    /// head, once the upstream takes no more of the request.
    pub(super) async fn answer(
        &self,
        mut request: Request<Body>,
        peer: &Peer,
        timeout: Duration,
    ) -> Result<Response<Body>, Refusal> {
        self.redirect(&mut request, peer);
        let (head, body) = request.into_parts();
        let (body, progress) = progress::note(body);
        let request = Request::from_parts(head, Body::new(body));
        let response = tokio::select! {
            biased;
            response = self.client.request(request) => response,
            () = progress.silent_for(timeout) => {
                return Err(self.timed_out("no answer began in time").into());
            }
        };
        let response = response.map_err(|error| self.failed(&error))?;
        let mut response = response.map(Body::new);
        *response.version_mut() = Version::default();
        strip_hop_by_hop(response.headers_mut());
        Ok(response)
    }

    fn redirect(&self, request: &mut Request<Body>, peer: &Peer) {
        let host = rewriting::client_host(request.headers(), request.extensions());
        let headers = request.headers_mut();
        strip_hop_by_hop(headers);
        // Whoever sent the body's first byte here has its answer already.
        headers.remove(EXPECT);
        forwarded::append(headers, peer, host);
        *request.version_mut() = Version::HTTP_11;
        *request.uri_mut() = self.absolute(request.uri());
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

    fn failed(&self, error: &Error) -> Problem {
        if is_timeout(error) {
            return self.timed_out("it could not be connected to in time");
        }
        let detail = if error.is_connect() {
            "it could not be connected to; nothing was sent"
        } else {
            "the connection broke before an answer began"
        };
        Problem::new("legacy-unreachable", "the legacy upstream is away", 502)
            .with_detail(detail)
            .with_private(format!("legacy {}: {}", self.authority, chain(error)))
    }

    fn timed_out(&self, detail: &str) -> Problem {
        Problem::new("legacy-timeout", "the legacy upstream is too slow", 504)
            .with_detail(detail)
            .with_private(format!("legacy {}: {detail}", self.authority))
    }
}

fn is_timeout(error: &Error) -> bool {
    causes(error).any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
    })
}

fn chain(error: &Error) -> String {
    let causes: Vec<String> = causes(error).map(ToString::to_string).collect();
    causes.join(": ")
}

fn causes<'e>(error: &'e Error) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    let outermost: &(dyn StdError + 'static) = error;
    std::iter::successors(Some(outermost), |cause| (*cause).source())
}
