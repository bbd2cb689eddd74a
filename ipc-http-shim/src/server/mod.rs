//! The HTTP listener: connections, and their drain.

mod activity;
mod admin;
mod beginning;
mod connection;
mod ending;
mod entrance;
mod error;
mod live;
mod places;
mod protocols;
mod turned_away;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use ipc_core::health::Health;
use ipc_core::service::Admin;
use ipc_core::transport::kafka::{KafkaConfig, KafkaTransport};
use ipc_core::transport::{Transport, TransportError};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::gateway::Gateway;
use crate::metrics::Metrics;
use crate::migration::agreement::Agreement;
use crate::operations::{Connect, Keeper};
use crate::upstream::Upstream;

use connection::Accepted;
use places::Places;
use turned_away::TurnedAway;

pub use error::StartError;
pub use live::{Live, Refused};

/// How long to wait after the listener could not accept, which is mostly for
/// want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Between two looks at when the certificate ends.
const CERTIFICATE_LOOK: Duration = Duration::from_secs(12 * 60 * 60);

/// A gateway with its listeners bound. Nothing is accepted before
/// [`serve`](Shim::serve).
pub struct Shim {
    listener: TcpListener,
    address: SocketAddr,
    live: Live,
    health: Health,
    admin: Option<Admin>,
    draining: CancellationToken,
    agreement: Option<Agreement>,
    operations: Option<Keeper>,
}

/// How serving ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Drained {
    /// Connections that were still in use when the bound had passed.
    pub cut_off: usize,
}

impl Shim {
    /// Binds the listeners that `config` names. The admin listener, which answers
    /// from now on, tells of `health`: the same that `upstream` reports to.
    ///
    /// # Errors
    ///
    /// Where a route cannot be served or an address cannot be had.
    ///
    /// # Cancel safety
    ///
    /// Safe: dropping the future gives the addresses back.
    pub async fn bind(
        config: &Config,
        upstream: Arc<dyn Upstream>,
        health: Health,
    ) -> Result<Self, StartError> {
        let metrics = Arc::new(Metrics::new());
        let draining = CancellationToken::new();
        let gateway = Gateway::new(config, Arc::clone(&upstream), &metrics, draining.clone())?;
        let unbound = |source| StartError::bind(config.listen, source);
        let listener = TcpListener::bind(config.listen).await.map_err(unbound)?;
        let address = listener.local_addr().map_err(unbound)?;
        health.starting("the gateway is not serving yet");
        if config.legacy.is_some() {
            health.served_locally("the legacy upstream");
        }
        let live = Live::new(
            config,
            gateway.clone(),
            Arc::clone(&metrics),
            health.configuration(),
        )
        .map_err(StartError::AccessLog)?;
        let admin = match config.admin {
            Some(admin) => {
                let render = move || metrics.render_with(&upstream.metrics());
                let own = admin::router(gateway);
                Some(Admin::start_with(admin, health.clone(), render, own).await?)
            }
            None => None,
        };
        Ok(Self {
            listener,
            address,
            live,
            health,
            admin,
            draining,
            agreement: None,
            operations: None,
        })
    }

    /// Has the routes that move go where all gateways of this fleet agree, and requests
    /// that are answered later known to all of them, through the cluster of `kafka`, which
    /// is tried for again and again where it is away. Without this routes stay where they
    /// begin, and nothing is answered later. Nothing is done where there are no such routes.
    ///
    /// # Errors
    ///
    /// Where `kafka` cannot work, or the topic `ipc.migration` or that of the operations is
    /// missing and `config` does not have topics made.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the shim.
    pub async fn agreeing(self, config: &Config, kafka: KafkaConfig) -> Result<Self, StartError> {
        let connect = move || {
            let kafka = kafka.clone();
            async move {
                let transport: Arc<dyn Transport> = Arc::new(KafkaTransport::connect(kafka).await?);
                Ok(transport)
            }
        };
        self.agreeing_through(config, connect).await
    }

    /// As [`agreeing`](Self::agreeing), through any transport that `connect` makes.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn agreeing_through<C, F>(
        mut self,
        config: &Config,
        connect: C,
    ) -> Result<Self, StartError>
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<Arc<dyn Transport>, TransportError>> + Send + 'static,
    {
        let connect: Connect = Arc::new(move || connect().boxed());
        if let Some(operations) = self.live.gateway().operations() {
            let connect = Arc::clone(&connect);
            let keeper = Keeper::begin(connect, config, operations, &self.health);
            self.operations = Some(keeper.await?);
        }
        let routes = self.live.gateway().moving();
        if !routes.is_empty() {
            let connect = Box::new(move || connect());
            let agreement = Agreement::begin(connect, config, routes, &self.health);
            self.agreement = Some(agreement.await?);
        }
        Ok(self)
    }

    /// Where HTTP clients are served.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where health and metrics are served.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Admin::address)
    }

    /// The handle that changes what is served while it is.
    #[must_use]
    pub fn live(&self) -> Live {
        self.live.clone()
    }

    /// Serves until `stop` resolves, then drains: readiness turns false, after the
    /// configured delay nothing more is accepted, streams end and say why, and requests
    /// under way get their answers within the configured bound.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends every connection at once.
    pub async fn serve(self, stop: impl Future<Output = ()>) -> Drained {
        let Self {
            listener,
            live,
            health,
            admin,
            draining,
            agreement,
            operations,
            ..
        } = self;
        let drained = CancellationToken::new();
        let mut agreeing = JoinSet::new();
        if let Some(operations) = operations {
            // Who waits for an answer is still told while connections drain.
            agreeing.spawn(operations.run(drained.clone()));
        }
        if let Some(agreement) = agreement {
            agreeing.spawn(agreement.run(draining.clone()));
        }
        health.started();
        let places = Places::new(live.metrics().limits().connections().clone());
        let turned_away = TurnedAway::new();
        let mut tasks = JoinSet::new();
        let mut looks = tokio::time::interval(CERTIFICATE_LOOK);
        let stopped = async {
            stop.await;
            health.draining();
            // Who sends requests here is to notice before connections are refused.
            tokio::time::sleep(live.drain().delay).await;
        };
        tokio::pin!(stopped);
        loop {
            tokio::select! {
                biased;
                () = &mut stopped => break,
                Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
                _ = looks.tick() => live.look_at_certificates(),
                (stream, address) = accept(&listener) => {
                    let connections = live.connections();
                    let draining = draining.clone();
                    match places.take(address.ip(), connections.limits()) {
                        Ok(place) => {
                            let accepted = Accepted { stream, address, place };
                            tasks.spawn(connections.serve(accepted, live.gateway(), draining));
                        }
                        Err(bound) => {
                            live.metrics().limits().connection_refused(bound);
                            // Over TLS nothing can be told before a handshake.
                            let telling = match connections.entrance() {
                                Some(_) => None,
                                None => turned_away.tell(stream),
                            };
                            if let Some(telling) = telling {
                                tasks.spawn(telling);
                            }
                        }
                    }
                }
            }
        }
        drop(listener);
        draining.cancel();
        let gateway = live.gateway();
        let all_gone = async {
            while tasks.join_next().await.is_some() {}
            gateway.tunnels_closed().await;
        };
        let in_time = tokio::time::timeout(live.drain().bound, all_gone).await;
        let mut cut_off = if in_time.is_ok() { 0 } else { tasks.len() };
        tasks.shutdown().await;
        cut_off += gateway.end_tunnels().await;
        gateway.ended().await;
        drained.cancel();
        while agreeing.join_next().await.is_some() {}
        if let Some(admin) = admin {
            admin.stop().await;
        }
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
