//! Everything, started and stopped in order.

use std::env;
use std::future::IntoFuture;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use ipc_core::client::Client;
use ipc_core::embedded::EmbeddedBroker;
use ipc_core::health::Health;
use ipc_core::metrics::Metrics;
use ipc_core::service::Service;
use ipc_core::transport::Transport;
use ipc_core::transport::kafka::{KafkaConfig, KafkaTransport};
use ipc_http_shim::Shim;
use ipc_http_shim::config::{self, Override, Overrides};
use ipc_http_shim::upstream::KafkaUpstream;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::hops::Hops;
use crate::watched::Watched;
use crate::{legacy, orders};

/// How long the start waits for the service to have a partition.
const ASSIGNMENT: Duration = Duration::from_secs(10);

/// The running system.
pub(crate) struct System {
    address: SocketAddr,
    kafka: String,
    service: Service,
    client: Client,
    /// Ends the gateway when it is dropped.
    gateway: oneshot::Sender<()>,
    serving: JoinSet<()>,
    legacy: JoinSet<std::io::Result<()>>,
}

impl System {
    /// Starts the broker, where the environment names none, and everything on it.
    /// The gateway listens on `listen`, else where its file says.
    pub(crate) async fn start(listen: Option<SocketAddr>, hops: &Hops) -> anyhow::Result<Self> {
        let kafka = kafka().await?;
        let bootstrap = kafka.bootstrap().to_owned();

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let legacy_address = listener.local_addr()?;
        let mut legacy = JoinSet::new();
        legacy.spawn(axum::serve(listener, legacy::app(hops.clone())).into_future());

        let service = Service::builder("orders")
            .transport(watched("orders", &kafka, hops).await?)
            .create_topics(3)
            .serve(orders::app()?)
            .start()
            .await?;
        let metrics = Metrics::new();
        let client = Client::builder("shim")
            .metrics(metrics.clone())
            .create_topics(1)
            .connect(watched("shim", &kafka, hops).await?)
            .await?;

        let config = config(listen, legacy_address, &bootstrap)?;
        let upstream = Arc::new(KafkaUpstream::from_client(client.clone(), metrics));
        let shim = Shim::bind(&config, upstream, Health::new())
            .await
            .context("the gateway cannot listen: choose another address with --listen")?;
        let address = shim.address();
        let (gateway, ended) = oneshot::channel();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            shim.serve(async { drop(ended.await) }).await;
        });
        // Other instances on a shared cluster may have every partition; then they
        // answer.
        let _ = timeout(ASSIGNMENT, service.assigned()).await;
        Ok(Self {
            address,
            kafka: bootstrap,
            service,
            client,
            gateway,
            serving,
            legacy,
        })
    }

    /// Where the gateway listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the broker is.
    pub(crate) fn kafka(&self) -> &str {
        &self.kafka
    }

    /// Drains the gateway, then what is behind it.
    pub(crate) async fn stop(mut self) {
        drop(self.gateway);
        self.serving.join_next().await;
        self.client.close().await;
        self.service.stop().await;
        self.legacy.shutdown().await;
    }
}

async fn kafka() -> anyhow::Result<KafkaConfig> {
    if env::var_os("KAFKA_BOOTSTRAP_SERVERS").is_some() {
        return Ok(KafkaConfig::from_env()?);
    }
    Ok(EmbeddedBroker::start().await?.config())
}

async fn watched(
    who: &'static str,
    kafka: &KafkaConfig,
    hops: &Hops,
) -> anyhow::Result<Arc<dyn Transport>> {
    let transport = KafkaTransport::connect(kafka.clone()).await?;
    Ok(Arc::new(Watched::new(transport, who, hops.clone())))
}

/// The gateway's file, with what is only known now over it.
fn config(
    listen: Option<SocketAddr>,
    legacy: SocketAddr,
    bootstrap: &str,
) -> anyhow::Result<config::Config> {
    let mut over = Overrides::default();
    over.listen = listen.map(|address| Override::new("--listen", address.to_string()));
    over.legacy = Some(Override::new(
        "the legacy server",
        format!("http://{legacy}"),
    ));
    over.kafka = vec![(
        "bootstrap.servers".to_owned(),
        Override::new("the broker", bootstrap),
    )];
    let mut config = config::load("shim.toml", include_str!("../shim.toml"), &over)?;
    // One process, one port: the demo has no probes.
    config.admin = None;
    Ok(config)
}
