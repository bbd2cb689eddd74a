use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Result;
use ipc_core::client::Client;
use ipc_core::health::Health;
use ipc_core::metrics::Metrics;
use ipc_core::transport::kafka::KafkaConfig;
use ipc_http_shim::Shim;
use ipc_http_shim::config::{Config, KeyRule, Route};
use ipc_http_shim::upstream::KafkaUpstream;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::worker::Subject;

/// A gateway in front of one service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct GatewayPlan {
    pub(crate) bootstrap: String,
    pub(crate) service: String,
}

pub(crate) struct Gateway {
    runtime: Runtime,
    address: SocketAddr,
    end: oneshot::Sender<()>,
    serving: JoinSet<()>,
}

impl Gateway {
    pub(crate) fn start(plan: GatewayPlan) -> Result<Self> {
        let runtime = Runtime::new()?;
        let shim = runtime.block_on(async {
            let client = Client::builder(format!("{}-gateway", plan.service)).create_topics(1);
            let client = client
                .connect_kafka(KafkaConfig::new(plan.bootstrap))
                .await?;
            let mut config = Config::default();
            config.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            config.admin = None;
            config.routes = vec![Route::call("/echo", plan.service).key(KeyRule::None)];
            let upstream = KafkaUpstream::from_client(client, Metrics::new());
            anyhow::Ok(Shim::bind(&config, Arc::new(upstream), Health::new()).await?)
        })?;
        let address = shim.address();
        let (end, ended) = oneshot::channel::<()>();
        let mut serving = JoinSet::new();
        let serve = async move {
            let ended = async {
                // asked to end, or nobody is left to ask
                let _ = ended.await;
            };
            shim.serve(ended).await;
        };
        serving.spawn_on(serve, runtime.handle());
        Ok(Self {
            runtime,
            address,
            end,
            serving,
        })
    }
}

impl Subject for Gateway {
    fn address(&self) -> Option<SocketAddr> {
        Some(self.address)
    }

    fn stop(mut self: Box<Self>) {
        // a gateway that has ended needs no word
        let _ = self.end.send(());
        self.runtime.block_on(self.serving.join_next());
    }
}
