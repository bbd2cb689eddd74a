//! Two gateways before the legacy server and the service.

use std::future::IntoFuture;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use ipc_core::client::Client;
use ipc_core::health::Health;
use ipc_core::metrics::Metrics;
use ipc_core::transport::kafka::KafkaConfig;
use ipc_http_shim::Shim;
use ipc_http_shim::config::{self, Override, Overrides};
use ipc_http_shim::upstream::KafkaUpstream;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::orders::Orders;

/// How many there are; each has a partition of the reply topic.
const GATEWAYS: i32 = 2;

pub(super) struct Gateways {
    addresses: Vec<SocketAddr>,
    admins: Vec<SocketAddr>,
    stop: CancellationToken,
    serving: JoinSet<()>,
    upstreams: Vec<Arc<KafkaUpstream>>,
    legacy: JoinSet<std::io::Result<()>>,
}

impl Gateways {
    pub(super) async fn start(orders: &Orders, kafka: &KafkaConfig) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let mut this = Self {
            addresses: Vec::new(),
            admins: Vec::new(),
            stop: CancellationToken::new(),
            serving: JoinSet::new(),
            upstreams: Vec::new(),
            legacy: JoinSet::new(),
        };
        this.legacy
            .spawn(axum::serve(listener, orders.legacy()).into_future());
        for _ in 0..GATEWAYS {
            this.add(address, kafka).await?;
        }
        Ok(this)
    }

    async fn add(&mut self, legacy: SocketAddr, kafka: &KafkaConfig) -> Result<()> {
        let over = |what: &str, value: String| Override::new(what, value);
        let mut overrides = Overrides::default();
        overrides.legacy = Some(over("the legacy server", format!("http://{legacy}")));
        overrides.kafka = vec![(
            "bootstrap.servers".to_owned(),
            over("the broker", kafka.bootstrap().to_owned()),
        )];
        let text = include_str!("../../migrate.toml");
        let config = config::load("migrate.toml", text, &overrides)?;
        let metrics = Metrics::new();
        let client = Client::builder(&config.fleet)
            .metrics(metrics.clone())
            .create_topics(GATEWAYS)
            .connect_kafka(kafka.clone())
            .await?;
        let upstream = Arc::new(KafkaUpstream::from_client(client, metrics));
        let shim = Shim::bind(&config, upstream.clone(), Health::new()).await?;
        // The broker in this process makes topics for who has its own configuration.
        let shim = shim.agreeing(&config, kafka.clone()).await?;
        self.addresses.push(shim.address());
        self.admins.extend(shim.admin_address());
        self.upstreams.push(upstream);
        let stop = self.stop.clone();
        self.serving.spawn(async move {
            shim.serve(stop.cancelled_owned()).await;
        });
        Ok(())
    }

    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where the first tells of itself.
    pub(super) fn admin(&self) -> SocketAddr {
        let none = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        self.admins.first().copied().unwrap_or(none)
    }

    /// One of the differences that were found.
    pub(super) async fn a_difference(&self) -> Result<String> {
        let client: HttpClient<_, Empty<&[u8]>> =
            HttpClient::builder(TokioExecutor::new()).build_http();
        for admin in &self.admins {
            let uri = format!("http://{admin}/admin/migration").parse()?;
            let body = client.get(uri).await?.into_body().collect().await?;
            let told: Value = serde_json::from_slice(&body.to_bytes())?;
            let found = &told["routes"][0]["samples"][0]["differences"][0];
            if let Some(place) = found["place"].as_str() {
                let side = |side: &str| found[side].as_str().unwrap_or("nothing").to_owned();
                let (legacy, kafka) = (side("legacy"), side("kafka"));
                return Ok(format!(
                    "{place} is {legacy} at legacy, {kafka} at the service"
                ));
            }
        }
        None.context("no gateway shows a difference")
    }

    pub(super) async fn stop(mut self) {
        self.stop.cancel();
        while self.serving.join_next().await.is_some() {}
        for upstream in &self.upstreams {
            upstream.close().await;
        }
        self.legacy.shutdown().await;
    }
}
