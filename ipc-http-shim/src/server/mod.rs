//! The HTTP listener: connections, and their drain.

mod connection;
mod error;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::gateway::Gateway;
use crate::metrics::Metrics;
use crate::status::{Pulse, StatusServer};
use crate::upstream::Upstream;

use connection::Connections;
pub use error::StartError;

/// How long to wait after the listener could not accept, which is mostly for
/// want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A gateway with its listeners bound. Nothing is accepted before
/// [`serve`](Shim::serve).
pub struct Shim {
    listener: TcpListener,
    address: SocketAddr,
    gateway: Gateway,
    connections: Connections,
    pulse: Pulse,
    status: Option<StatusServer>,
    draining: CancellationToken,
    drain: Duration,
}

/// How serving ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Drained {
    /// Connections that were still in use when the bound had passed.
    pub cut_off: usize,
}

impl Shim {
    /// Binds the listeners that `config` names.
    ///
    /// # Errors
    ///
    /// Where a route cannot be served or an address cannot be had.
    ///
    /// # Cancel safety
    ///
    /// Safe: dropping the future gives the addresses back.
    pub async fn bind(config: &Config, upstream: Arc<dyn Upstream>) -> Result<Self, StartError> {
        let metrics = Arc::new(Metrics::new());
        let draining = CancellationToken::new();
        let gateway = Gateway::new(config, Arc::clone(&upstream), &metrics, draining.clone())?;
        let unbound = |setting, address| move |source| StartError::bind(setting, address, source);
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(unbound("listen", config.listen))?;
        let address = listener
            .local_addr()
            .map_err(unbound("listen", config.listen))?;
        let pulse = Pulse::new(config, Arc::clone(&upstream));
        let status = match config.admin {
            Some(admin) => Some(
                StatusServer::start(admin, pulse.health().clone(), upstream, metrics)
                    .map_err(unbound("admin", admin))?,
            ),
            None => None,
        };
        Ok(Self {
            listener,
            address,
            gateway,
            connections: Connections::new(&config.limits),
            pulse,
            status,
            draining,
            drain: config.drain,
        })
    }

    /// Where HTTP clients are served.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where health and metrics are served.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.status.as_ref().map(StatusServer::address)
    }

    /// Serves until `stop` resolves, then drains: readiness turns false, nothing
    /// more is accepted, event streams end so that they can be resumed, and
    /// requests under way get their answers within the configured bound.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends every connection at once.
    pub async fn serve(self, stop: impl Future<Output = ()>) -> Drained {
        let Self {
            listener,
            gateway,
            connections,
            pulse,
            status,
            draining,
            drain,
            ..
        } = self;
        let health = pulse.health().clone();
        pulse.started();
        let mut heart = JoinSet::new();
        heart.spawn(pulse.run());
        let graceful = GracefulShutdown::new();
        let mut tasks = JoinSet::new();
        tokio::pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
                (stream, peer) = accept(&listener) => {
                    let serving = connections.serve(stream, peer, gateway.clone(), &graceful);
                    tasks.spawn(serving);
                }
            }
        }
        health.draining();
        drop(listener);
        draining.cancel();
        let in_time = tokio::time::timeout(drain, graceful.shutdown()).await;
        while tasks.try_join_next().is_some() {}
        let cut_off = if in_time.is_ok() { 0 } else { tasks.len() };
        tasks.shutdown().await;
        heart.shutdown().await;
        drop(status);
        Drained { cut_off }
    }
}

/// The next connection.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
