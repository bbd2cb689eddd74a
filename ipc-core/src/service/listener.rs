//! The same Router on HTTP, beside Kafka.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt as _;

use super::Drain;
use crate::health::Health;

/// How long to wait after a connection could not be accepted, which is mostly for
/// want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where HTTP clients are to be served, and with what.
pub(super) struct HttpListener {
    pub(super) listener: TcpListener,
    pub(super) router: Router,
}

/// HTTP clients being served. Dropping it accepts no more of them.
pub(super) struct ServedHttp {
    connections: Drain,
    _accepting: DropGuard,
}

impl HttpListener {
    /// Accepts connections from now on, and says so to `health`: what is served
    /// here needs no broker.
    pub(super) fn serve(self, health: &Health) -> ServedHttp {
        health.served_locally(match self.listener.local_addr() {
            Ok(address) => format!("http on {address}"),
            Err(_) => "http".to_owned(),
        });
        let connections = Drain::new();
        connections.spawn(self.accept_all(connections.clone()));
        ServedHttp {
            _accepting: connections.token().drop_guard(),
            connections,
        }
    }

    async fn accept_all(self, connections: Drain) {
        let draining = connections.token();
        while let Some(accepted) = draining.run_until_cancelled(self.listener.accept()).await {
            match accepted {
                Ok((stream, peer)) => {
                    let router = self.router.clone();
                    connections.spawn(serve(stream, peer, router, connections.token()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

impl ServedHttp {
    /// Accepts nothing more, and waits `within` at most until what was asked is
    /// answered. A connection still in use then is closed where it is: its
    /// handler is dropped at its next await, and its client reads the end of the
    /// connection.
    pub(super) async fn drain(self, within: Duration) {
        if let Err(error) = self.connections.finish(within).await {
            tracing::warn!(%error, "HTTP connections were closed in use");
        }
    }
}

/// Serves one connection to its end, which is its next answer once `draining`.
async fn serve(stream: TcpStream, peer: SocketAddr, router: Router, draining: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps Nagle's algorithm");
    }
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        // The timer is what makes hyper's own header-read timeout hold.
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        biased;
        () = draining.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        ended = connection.as_mut() => ended,
    };
    // A client may leave in the middle of anything.
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP connection ended badly");
    }
}
