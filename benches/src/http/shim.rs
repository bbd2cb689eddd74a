use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use async_trait::async_trait;
use axum::body::Body;
use http::Response;
use ipc_core::client::Elsewhere;
use ipc_core::envelope::CorrelationId;
use ipc_core::health::Health;
use ipc_http_shim::Shim;
use ipc_http_shim::config::{Config, Overrides, load};
use ipc_http_shim::server::Live;
use ipc_http_shim::upstream::{
    Answer, Failure, KafkaUpstream, NoUpstream, Outbound, ReplyStream, Upstream,
};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::config::GatewayPlan;
use crate::load::{Load, Recorder, Sample};
use crate::resources;
use crate::worker::Subject;

/// How long the records of a gateway that ends may take to settle.
const CLOSE: Duration = Duration::from_secs(4);

pub(crate) struct Gateway {
    runtime: Runtime,
    plan: GatewayPlan,
    address: SocketAddr,
    live: Live,
    kafka: Option<Arc<KafkaUpstream>>,
    /// How often its configuration was changed.
    changes: usize,
    end: oneshot::Sender<()>,
    serving: JoinSet<()>,
}

impl Gateway {
    pub(crate) fn start(plan: GatewayPlan) -> Result<Self> {
        resources::raise_descriptors()?;
        let runtime = Runtime::new()?;
        let config = read(&plan, 0)?;
        let (shim, kafka) = runtime.block_on(async {
            let health = Health::new();
            let (upstream, kafka): (Arc<dyn Upstream>, _) = match &plan.bootstrap {
                Some(_) => {
                    let kafka = Arc::new(KafkaUpstream::connect(&config, &health).await?);
                    (kafka.clone(), Some(kafka))
                }
                None => (Arc::new(Itself), None),
            };
            let shim = Shim::bind(&config, upstream, health).await?;
            anyhow::Ok((shim, kafka))
        })?;
        let (address, live) = (shim.address(), shim.live());
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
            plan,
            address,
            live,
            kafka,
            changes: 0,
            end,
            serving,
        })
    }

    /// Reads another file and takes it over, as a signal would have it done.
    fn change(&mut self) -> Result<()> {
        self.changes += 1;
        let config = read(&self.plan, self.changes)?;
        self.live.change(&config).context("it was refused")
    }
}

fn read(plan: &GatewayPlan, version: usize) -> Result<Config> {
    let config = load("shim.toml", &plan.file(version), &Overrides::default());
    config.context("the configuration has mistakes")
}

impl Subject for Gateway {
    fn load(&mut self, load: &Load) -> Result<Sample> {
        let Load::Reload { span } = *load else {
            bail!("a gateway cannot do that");
        };
        let mut recorder = Recorder::new();
        let end = Instant::now() + span;
        loop {
            let begun = Instant::now();
            match self.change() {
                Ok(()) => recorder.done(begun.elapsed()),
                Err(error) => recorder.failed(&error),
            }
            if Instant::now() >= end {
                return Ok(recorder.sample());
            }
        }
    }

    fn address(&self) -> Option<SocketAddr> {
        Some(self.address)
    }

    fn stop(mut self: Box<Self>) {
        // a gateway that has ended needs no word
        let _ = self.end.send(());
        self.runtime.block_on(async {
            self.serving.join_next().await;
            if let Some(kafka) = &self.kafka {
                // what is unsettled by then, nobody here waits for
                let _ = tokio::time::timeout(CLOSE, kafka.close()).await;
            }
        });
    }
}

/// A service that echoes and takes no time.
struct Itself;

#[async_trait]
impl Upstream for Itself {
    async fn call(&self, outbound: Outbound) -> Result<Answer, Failure> {
        Ok(Answer {
            response: Response::new(Body::from(outbound.request.into_body())),
            correlation_id: None,
        })
    }

    async fn send(&self, outbound: Outbound) -> Result<Option<CorrelationId>, Failure> {
        NoUpstream.send(outbound).await
    }

    async fn accept(&self, outbound: Outbound, elsewhere: Elsewhere) -> Result<(), Failure> {
        NoUpstream.accept(outbound, elsewhere).await
    }

    async fn stream(&self, outbound: Outbound) -> Result<ReplyStream, Failure> {
        NoUpstream.stream(outbound).await
    }

    fn metrics(&self) -> String {
        NoUpstream.metrics()
    }
}
