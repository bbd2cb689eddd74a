//! One HTTP connection.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::entrance::Entrance;
use crate::access_log::AccessLog;
use crate::config::{Config, Limits};
use crate::gateway::Gateway;
use crate::peer::Peer;
use crate::tls::metrics::TlsMetrics;

/// What hyper itself refuses lies above the gateway's own limits, which answer
/// with a problem document: by this factor, and room for the request line.
const SLACK: usize = 2;
const REQUEST_LINE: usize = 64 * 1024;

/// How connections are served.
pub(super) struct Connections {
    http: Builder<TokioExecutor>,
    /// Where they come in over TLS.
    entrance: Option<Entrance>,
    access_log: Logging,
}

/// The access log, where there is one now.
pub(super) type Logging = Arc<ArcSwapOption<AccessLog>>;

impl Connections {
    pub(super) fn new(config: &Config, metrics: &TlsMetrics, access_log: &Logging) -> Self {
        Self {
            http: http(&config.limits),
            entrance: config.tls.as_ref().map(|tls| Entrance::new(tls, metrics)),
            access_log: Arc::clone(access_log),
        }
    }

    /// Where connections come in over TLS.
    pub(super) fn entrance(&self) -> Option<&Entrance> {
        self.entrance.as_ref()
    }

    /// Serves a connection to its end. A handshake ends with `draining`: nothing was
    /// asked for yet.
    pub(super) async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        address: SocketAddr,
        gateway: Gateway,
        watcher: Watcher,
        draining: CancellationToken,
    ) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps Nagle's algorithm");
        }
        let Some(entrance) = &self.entrance else {
            let peer = Peer::plain(address);
            return self.serve_http(stream, peer, gateway, watcher).await;
        };
        let entering = entrance.enter(stream, address);
        if let Some(Some((stream, peer))) = draining.run_until_cancelled(entering).await {
            self.serve_http(stream, peer, gateway, watcher).await;
        }
    }

    async fn serve_http<S>(&self, stream: S, peer: Peer, gateway: Gateway, watcher: Watcher)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let access_log = Arc::clone(&self.access_log);
        let service = service_fn(move |request: Request<Incoming>| {
            let (gateway, peer) = (gateway.clone(), peer.clone());
            let access_log = access_log.load_full();
            async move {
                let request = request.map(Body::new);
                let Some(access_log) = access_log else {
                    return Ok::<_, Infallible>(gateway.answer(request, &peer, None).await);
                };
                let mut entry = access_log.begin(&request, &peer);
                let answer = gateway.answer(request, &peer, Some(&mut entry)).await;
                Ok(entry.answered(answer))
            }
        });
        let serving = self
            .http
            .serve_connection_with_upgrades(TokioIo::new(stream), service);
        // A client may leave in the middle of anything.
        if let Err(error) = watcher.watch(serving.into_owned()).await {
            tracing::debug!(error, "a connection ended badly");
        }
    }
}

fn http(limits: &Limits) -> Builder<TokioExecutor> {
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
    builder
}
