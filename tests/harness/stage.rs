use anyhow::Result;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use ipc_core::{
    client::{Client, Options, RecordKey},
    service::{Service, ServiceBuilder},
    transport::kafka::KafkaConfig,
};
use tower::ServiceExt as _;

use crate::{Topic, bootstrap};

/// Partitions of every reply topic here.
const REPLY_PARTITIONS: i32 = 3;

/// A service and its callers, under names that nothing else uses.
#[derive(Clone, Debug)]
pub struct Stage {
    config: KafkaConfig,
    service: String,
    fleet: String,
}

impl Stage {
    /// On the shared broker; `purpose` makes the names readable.
    #[must_use]
    pub fn new(purpose: &str) -> Self {
        Self::on(bootstrap(), purpose)
    }

    /// On the broker at `bootstrap`.
    #[must_use]
    pub fn on(bootstrap: impl Into<String>, purpose: &str) -> Self {
        Self::reached_by(KafkaConfig::new(bootstrap), purpose)
    }

    /// On the broker that `config` reaches.
    #[must_use]
    pub fn reached_by(config: KafkaConfig, purpose: &str) -> Self {
        Self {
            config,
            service: Topic::unused(purpose).name().to_owned(),
            fleet: Topic::unused("fleet").name().to_owned(),
        }
    }

    /// Where the broker is.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        self.config.bootstrap()
    }

    /// The name of the service, which is that of its consumer group too.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.service
    }

    /// The topic the service takes its requests from.
    #[must_use]
    pub fn requests(&self) -> String {
        format!("{}.requests", self.service)
    }

    /// The topic of cancels, credits and presence.
    #[must_use]
    pub fn control(&self) -> String {
        format!("{}.control", self.service)
    }

    /// The topic of what is paused.
    #[must_use]
    pub fn pauses(&self) -> String {
        format!("{}.pauses", self.service)
    }

    /// The topic of what the service gave up.
    #[must_use]
    pub fn dead_letters(&self) -> String {
        format!("{}.dlq", self.service)
    }

    /// The name of the callers.
    #[must_use]
    pub fn fleet(&self) -> &str {
        &self.fleet
    }

    /// The topic the callers take their replies from.
    #[must_use]
    pub fn replies(&self) -> String {
        format!("{}.replies", self.fleet)
    }

    /// How the broker is reached.
    #[must_use]
    pub fn config(&self) -> KafkaConfig {
        self.config.clone()
    }

    /// An instance about to be served, with this many partitions of requests.
    pub fn service(&self, partitions: i32) -> ServiceBuilder {
        Service::builder(&self.service)
            .kafka(self.config())
            .create_topics(partitions)
    }

    /// A caller that hears its replies.
    ///
    /// # Errors
    ///
    /// When it cannot.
    pub async fn client(&self) -> Result<Client> {
        let client = Client::builder(&self.fleet)
            .create_topics(REPLY_PARTITIONS)
            .connect_kafka(self.config())
            .await?;
        Ok(client)
    }

    /// A GET request to the service.
    #[must_use]
    pub fn get(&self, path: &str) -> Request<Body> {
        self.request("GET", path, Body::empty())
    }

    /// A POST request to the service.
    #[must_use]
    pub fn post(&self, path: &str, body: impl Into<Body>) -> Request<Body> {
        self.request("POST", path, body.into())
    }

    fn request(&self, method: &str, path: &str, body: Body) -> Request<Body> {
        let uri = format!("http://{}{path}", self.service);
        let built = Request::builder().method(method).uri(uri).body(body);
        built.expect("the tests' own paths are valid")
    }
}

/// The same request under a record key.
#[must_use]
pub fn keyed(mut request: Request<Body>, key: impl Into<Bytes>) -> Request<Body> {
    let mut options = Options::default();
    options.key = RecordKey::Bytes(key.into());
    request.extensions_mut().insert(options);
    request
}

/// Sends a call and reads the whole of its answer.
///
/// # Errors
///
/// When there is none, or it breaks off.
pub async fn call(client: &Client, request: Request<Body>) -> Result<(StatusCode, Bytes)> {
    let response = client.clone().oneshot(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    Ok((status, body))
}
