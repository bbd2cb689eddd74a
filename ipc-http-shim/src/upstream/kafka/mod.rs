//! Services over Kafka.

mod convert;
mod dial;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ipc_core::client::{Client, Elsewhere};
use ipc_core::envelope::CorrelationId;
use ipc_core::health::Health;
use ipc_core::http::Reserved;
use ipc_core::metrics::Metrics;
use ipc_core::transport::TransportError;
use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::{Answer, Failure, Outbound, ReplyStream, Upstream};
use crate::config::Config;
use convert::{addressed, failure, records};
use dial::{Dial, Link};

/// When a client that was told 503 may try again, where nothing better is known.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Sends requests to services over Kafka.
pub struct KafkaUpstream {
    link: Arc<Mutex<Link>>,
    metrics: Metrics,
    /// Goes on trying where the cluster could not be reached at first.
    connecting: Mutex<JoinSet<()>>,
}

impl KafkaUpstream {
    /// Connects to the cluster of `config`, which must name one. Where there is
    /// a legacy upstream a cluster that is away is no reason not to serve: it is
    /// tried for in the background. Reports to `health` whether replies are heard.
    ///
    /// # Errors
    ///
    /// Where the configuration cannot work, or, without a legacy upstream, where
    /// the cluster or the reply topic is away.
    ///
    /// # Cancel safety
    ///
    /// Safe: what was opened is closed in the background.
    pub async fn connect(config: &Config, health: &Health) -> Result<Self, TransportError> {
        let metrics = Metrics::new();
        let dial = Dial::new(config, metrics.clone(), health.clone())?;
        let mut connecting = JoinSet::new();
        let link = match dial.connect().await {
            Ok(client) => Arc::new(Mutex::new(Link::Up(client))),
            Err(error) if config.legacy.is_some() && !error.is_configuration() => {
                tracing::warn!(%error, "serving the legacy upstream only; Kafka is tried for");
                let link = Arc::new(Mutex::new(Link::Down(error.to_string())));
                let inbox = dial.missing_inbox(&error);
                connecting.spawn(dial.keep_trying(Arc::clone(&link), inbox));
                link
            }
            Err(error) => return Err(error),
        };
        Ok(Self {
            link,
            metrics,
            connecting: Mutex::new(connecting),
        })
    }

    /// Sends through a client that is connected already, which counts into
    /// `metrics` and reports to a health of its own.
    #[must_use]
    pub fn from_client(client: Client, metrics: Metrics) -> Self {
        Self {
            link: Arc::new(Mutex::new(Link::Up(client))),
            metrics,
            connecting: Mutex::default(),
        }
    }

    /// Ends what is pending and waits until what was sent is settled.
    ///
    /// # Cancel safety
    ///
    /// Calling again goes on with it.
    pub async fn close(&self) {
        self.connecting.lock().abort_all();
        if let Ok(client) = self.client() {
            client.close().await;
        }
    }

    fn client(&self) -> Result<Client, Failure> {
        match &*self.link.lock() {
            Link::Up(client) => Ok(client.clone()),
            Link::Down(reason) => Err(Failure::Rejected {
                reason: reason.clone(),
                retry_after: RETRY_AFTER,
            }),
        }
    }
}

#[async_trait]
impl Upstream for KafkaUpstream {
    async fn call(&self, outbound: Outbound) -> Result<Answer, Failure> {
        let request = addressed(outbound)?;
        let answered = self.client()?.http(request, Reserved::Strip).await;
        let response = answered.map_err(failure)?;
        Ok(Answer {
            correlation_id: response.extensions().get().cloned(),
            response,
        })
    }

    async fn send(&self, outbound: Outbound) -> Result<Option<CorrelationId>, Failure> {
        let request = addressed(outbound)?;
        let sent = self.client()?.http_one_way(request, Reserved::Strip).await;
        sent.map_err(failure).map(Some)
    }

    async fn accept(&self, outbound: Outbound, elsewhere: Elsewhere) -> Result<(), Failure> {
        let request = addressed(outbound)?;
        let client = self.client()?;
        let sent = client.http_elsewhere(request, Reserved::Strip, elsewhere);
        sent.await.map_err(failure)
    }

    async fn stream(&self, outbound: Outbound) -> Result<ReplyStream, Failure> {
        let Answer {
            response,
            correlation_id,
        } = self.call(outbound).await?;
        let (head, body) = response.into_parts();
        Ok(ReplyStream {
            head,
            correlation_id,
            records: records(body),
        })
    }

    fn metrics(&self) -> String {
        self.metrics.render()
    }
}
