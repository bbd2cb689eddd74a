//! The gateway in this process, with every path going to one service.

use std::net::SocketAddr;
use std::sync::Arc;

use ipc_core::client::Client;
use ipc_core::health::Health;
use ipc_core::metrics::Metrics;
use ipc_core::transport::kafka::KafkaConfig;
use ipc_http_shim::config::Route;
use ipc_http_shim::upstream::KafkaUpstream;
use ipc_http_shim::{Config, Shim};
use tokio::task::JoinSet;

/// An HTTP listener whose requests are answered by a service over Kafka. It ends
/// when it is dropped.
#[derive(Debug)]
pub struct Gateway {
    address: SocketAddr,
    _serving: JoinSet<()>,
}

impl Gateway {
    /// Listens on `address` for `service`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// When the address is taken, or the cluster cannot be reached.
    ///
    /// # Cancel safety
    ///
    /// Safe: what was opened is closed again.
    pub async fn start(
        service: &str,
        address: SocketAddr,
        kafka: KafkaConfig,
    ) -> anyhow::Result<Self> {
        let mut config = Config::default();
        config.listen = address;
        config.admin = None;
        config.routes = vec![Route::call("/", service), Route::call("/{*path}", service)];
        let metrics = Metrics::new();
        let client = Client::builder("gateway")
            .metrics(metrics.clone())
            .create_topics(1)
            .connect_kafka(kafka)
            .await?;
        let upstream = KafkaUpstream::from_client(client, metrics);
        let shim = Shim::bind(&config, Arc::new(upstream), Health::new()).await?;
        let address = shim.address();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            shim.serve(std::future::pending()).await;
        });
        Ok(Self {
            address,
            _serving: serving,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
