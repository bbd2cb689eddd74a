//! One HTTP connection.

use std::convert::Infallible;

use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpStream;

use crate::config::Limits;
use crate::gateway::Gateway;
use crate::peer::Peer;

/// What hyper itself refuses lies above the gateway's own limits, which answer
/// with a problem document: by this factor, and room for the request line.
const SLACK: usize = 2;
const REQUEST_LINE: usize = 64 * 1024;

/// How connections are served.
#[derive(Clone, Debug)]
pub(super) struct Connections(Builder<TokioExecutor>);

impl Connections {
    pub(super) fn new(limits: &Limits) -> Self {
        let header_bytes = limits
            .header_bytes
            .saturating_mul(SLACK)
            .saturating_add(REQUEST_LINE);
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            // The timer is what makes hyper's own header-read timeout hold.
            .timer(TokioTimer::new())
            .max_headers(limits.header_count.saturating_mul(SLACK))
            .max_buf_size(header_bytes);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(header_bytes).unwrap_or(u32::MAX));
        Self(builder)
    }

    /// Serves a connection to its end.
    pub(super) fn serve(
        &self,
        stream: TcpStream,
        peer: Peer,
        gateway: Gateway,
        graceful: &GracefulShutdown,
    ) -> impl Future<Output = ()> + Send + 'static {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps Nagle's algorithm");
        }
        let service = service_fn(move |request: Request<Incoming>| {
            let (gateway, peer) = (gateway.clone(), peer.clone());
            async move {
                let request = request.map(Body::new);
                Ok::<_, Infallible>(gateway.answer(request, &peer).await)
            }
        });
        let serving = self.0.serve_connection(TokioIo::new(stream), service);
        let serving = graceful.watch(serving.into_owned());
        async move {
            // A client may leave in the middle of anything.
            if let Err(error) = serving.await {
                tracing::debug!(error, "a connection ended badly");
            }
        }
    }
}
