//! The legacy upstream: a reverse proxy for what has not moved yet.

mod connector;

use std::error::Error as StdError;
use std::io;
use std::time::{Duration, SystemTime};

use axum::body::Body;
use bytes::Bytes;
use http::header::{EXPECT, TRAILER, UPGRADE};
use http::uri::{PathAndQuery, Uri};
use http::{Request, Response, StatusCode, Version};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use ipc_core::envelope::Problem;
use ipc_core::http::headers::strip_hop_by_hop;

use super::answer::Refusal;
use super::intake::strip_reserved;
use super::pace::{Pace, Paced, too_slow};
use super::{forwarded, length, progress, rewriting, tunnel};
use crate::config::LegacyOrigin;
use crate::peer::Peer;
use crate::tls::{ClientFiles, ClientTls};

use connector::Connector;

/// How long an unused connection is kept: below the keep-alive of the usual
/// servers, which would close it under our hands.
const IDLE: Duration = Duration::from_secs(4);

/// Passes requests to an HTTP server, bodies streamed both ways.
#[derive(Clone, Debug)]
pub(super) struct LegacyProxy {
    origin: LegacyOrigin,
    /// Where it is asked over TLS.
    tls: Option<ClientTls>,
    client: Client<Connector, Body>,
    /// How slowly clients may send.
    pace: Pace,
}

impl LegacyProxy {
    /// To the upstream at `origin`, over TLS as `tls` says, else as the system does.
    pub(super) fn new(origin: &LegacyOrigin, tls: Option<&ClientTls>, pace: Pace) -> Self {
        let tls = match (origin.is_https(), tls) {
            (false, _) => None,
            (true, Some(tls)) => Some(tls.clone()),
            (true, None) => {
                let read = ClientTls::read(ClientFiles::default());
                // No file is read for it.
                read.inspect_err(|error| tracing::error!(%error, "no TLS"))
                    .ok()
            }
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(Connector::new(tls.as_ref()));
        Self {
            origin: origin.clone(),
            tls,
            client,
            pace,
        }
    }

    /// Whether another one goes to the same server in the same way.
    fn goes_where(&self, other: &Self) -> bool {
        let same_tls = match (&self.tls, &other.tls) {
            (Some(own), Some(other)) => own.is_as(other),
            (own, other) => own.is_none() && other.is_none(),
        };
        self.origin == other.origin && same_tls
    }

    /// Goes on with the connections of an earlier one, where that goes to the same
    /// server in the same way.
    pub(super) fn take_over(&mut self, earlier: &Self) {
        if self.goes_where(earlier) {
            self.client = earlier.client.clone();
        }
    }

    /// Says in the log that the certificate ends which it is shown, where that is soon.
    pub(super) fn look_at_certificate(&self, now: SystemTime) {
        if let Some(tls) = &self.tls {
            tls.warn(now);
        }
    }

    /// Answers with the upstream's response. `timeout` bounds the wait for its
    /// head, once the upstream takes no more of the request.
    pub(super) async fn answer(
        &self,
        mut request: Request<Body>,
        peer: &Peer,
        timeout: Duration,
    ) -> Result<Response<Body>, Refusal> {
        let method = request.method().clone();
        let switching = self.redirect(&mut request, peer);
        let (head, body) = request.into_parts();
        // Others are not sent on.
        let body = if head.headers.contains_key(TRAILER) {
            Body::new(body.map_frame(without_reserved_trailers))
        } else {
            body
        };
        let (body, progress) = progress::note(Paced::new(body, self.pace));
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
        let protocol = response.headers().get(UPGRADE).cloned();
        strip_hop_by_hop(response.headers_mut());
        length::correct(&mut response, &method);
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let protocol = protocol.filter(|_| switching).ok_or_else(unasked)?;
            tunnel::switch(response.headers_mut(), protocol);
        }
        Ok(response)
    }

    /// Turns a request to the upstream; whether it asks for another protocol.
    fn redirect(&self, request: &mut Request<Body>, peer: &Peer) -> bool {
        let host = rewriting::client_host(request.headers(), request.extensions());
        let headers = request.headers_mut();
        strip_hop_by_hop(headers);
        // Whoever sent the body's first byte here has its answer already.
        headers.remove(EXPECT);
        forwarded::append(headers, peer, host);
        *request.version_mut() = Version::HTTP_11;
        *request.uri_mut() = self.absolute(request.uri());
        let Some(protocol) = tunnel::protocol(request.extensions_mut()) else {
            return false;
        };
        tunnel::switch(request.headers_mut(), protocol);
        true
    }

    fn absolute(&self, uri: &Uri) -> Uri {
        let mut parts = uri.clone().into_parts();
        parts.scheme = Some(self.origin.scheme().clone());
        parts.authority = Some(self.origin.authority().clone());
        parts
            .path_and_query
            .get_or_insert(PathAndQuery::from_static("/"));
        // All three parts are there, which is all it takes.
        Uri::from_parts(parts).unwrap_or_default()
    }

    fn failed(&self, error: &Error) -> Problem {
        if let Some(too_slow) = too_slow(error) {
            return too_slow.problem();
        }
        if is_of_the_body(error) {
            let problem = Problem::new("unreadable-body", "the request's body cannot be read", 400);
            return problem.with_private(chain(error));
        }
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
            .with_private(format!("legacy {}: {}", self.origin, chain(error)))
    }

    fn timed_out(&self, detail: &str) -> Problem {
        Problem::new("legacy-timeout", "the legacy upstream is too slow", 504)
            .with_detail(detail)
            .with_private(format!("legacy {}: {detail}", self.origin))
    }
}

/// What no client may say in a header, it may not say behind a body either.
fn without_reserved_trailers(mut frame: Frame<Bytes>) -> Frame<Bytes> {
    if let Some(trailers) = frame.trailers_mut() {
        strip_reserved(trailers);
    }
    frame
}

fn unasked() -> Problem {
    Problem::new(
        "malformed-answer",
        "the legacy upstream's answer cannot be passed on",
        502,
    )
    .with_detail("it switches to a protocol that was not asked for")
}

/// Whether the client has not sent its body as it said.
fn is_of_the_body(error: &Error) -> bool {
    causes(error).any(|cause| {
        cause
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_user)
    })
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
