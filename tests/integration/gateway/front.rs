use std::{net::SocketAddr, sync::Arc};

use anyhow::Result;
use bytes::Bytes;
use harness::{Stage, within};
use http::{Request, Response, request::Builder};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use ipc_core::health::Health;
use ipc_http_shim::{
    Shim,
    config::{Overrides, load},
    upstream::KafkaUpstream,
};
use tokio::{sync::oneshot, task::JoinSet};

/// A gateway, and a client of it.
pub(super) struct Front {
    address: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
    upstream: Arc<KafkaUpstream>,
    stop: oneshot::Sender<()>,
    serving: JoinSet<()>,
}

impl Front {
    /// Starts one as the program does, of the stage's fleet and on its broker, with these
    /// settings and routes.
    pub(super) async fn start(stage: &Stage, settings: &str) -> Result<Self> {
        let text = format!(
            "listen = \"127.0.0.1:0\"\n\
             admin = \"127.0.0.1:0\"\n\
             fleet = \"{}\"\n\
             kafka.bootstrap.servers = \"{}\"\n\
             {settings}",
            stage.fleet(),
            stage.bootstrap(),
        );
        let config = load("shim.toml", &text, &Overrides::default())?;
        let health = Health::new();
        let upstream = Arc::new(KafkaUpstream::connect(&config, &health).await?);
        let shim = Shim::bind(&config, Arc::clone(&upstream) as _, health).await?;
        let shim = shim.agreeing(&config, config.kafka_config()).await?;
        let address = shim.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let mut serving = JoinSet::new();
        serving.spawn(async {
            shim.serve(async {
                let _ = stopped.await;
            })
            .await;
        });
        Ok(Self {
            address,
            client: Client::builder(TokioExecutor::new()).build_http(),
            upstream,
            stop,
            serving,
        })
    }

    pub(super) async fn post(&self, path: &str, body: &str) -> Result<Response<Incoming>> {
        self.send(Request::post(self.url(path)), body).await
    }

    /// The same from whom an API key stands for.
    pub(super) async fn post_with_key(
        &self,
        path: &str,
        key: &str,
        body: &str,
    ) -> Result<Response<Incoming>> {
        let request = Request::post(self.url(path)).header("x-api-key", key);
        self.send(request, body).await
    }

    pub(super) async fn get(&self, path: &str) -> Result<Response<Incoming>> {
        self.send(Request::get(self.url(path)), "").await
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn send(&self, request: Builder, body: &str) -> Result<Response<Incoming>> {
        let request = request.body(Full::from(body.to_owned()))?;
        Ok(self.client.request(request).await?)
    }

    pub(super) async fn stop(mut self) -> Result<()> {
        drop(self.stop);
        within("the end of the gateway", self.serving.join_next()).await?;
        self.upstream.close().await;
        Ok(())
    }
}

pub(super) async fn body(answer: Response<Incoming>) -> Result<String> {
    let body = answer.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8_lossy(&body).into_owned())
}
