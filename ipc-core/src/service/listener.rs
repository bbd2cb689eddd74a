//! The same Router on HTTP, beside Kafka.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::health::Health;

/// Where HTTP clients are to be served, and with what.
pub(super) struct HttpListener {
    pub(super) listener: TcpListener,
    pub(super) router: Router,
}

/// HTTP clients being served. Dropping it ends the listener.
pub(super) struct ServedHttp {
    draining: DropGuard,
    /// Ends when the last connection has.
    serving: JoinSet<()>,
}

impl HttpListener {
    /// Accepts connections from now on, and says so to `health`: what is served
    /// here needs no broker.
    pub(super) fn serve(self, health: &Health) -> ServedHttp {
        let Self { listener, router } = self;
        health.served_locally(match listener.local_addr() {
            Ok(address) => format!("http on {address}"),
            Err(_) => "http".to_owned(),
        });
        let draining = CancellationToken::new();
        let drain = draining.clone().cancelled_owned();
        let router = router.into_make_service_with_connect_info::<SocketAddr>();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let served = axum::serve(listener, router).with_graceful_shutdown(drain);
            if let Err(error) = served.await {
                tracing::error!(%error, "HTTP is not served any more");
            }
        });
        ServedHttp {
            draining: draining.drop_guard(),
            serving,
        }
    }
}

impl ServedHttp {
    /// Accepts nothing more, and waits `within` at most until what was asked is
    /// answered. A connection still in use then ends with the process.
    pub(super) async fn drain(self, within: Duration) {
        let Self {
            draining,
            mut serving,
        } = self;
        drop(draining);
        if tokio::time::timeout(within, serving.join_next())
            .await
            .is_err()
        {
            tracing::warn!(
                ?within,
                "HTTP connections were still in use after the drain"
            );
        }
    }
}
