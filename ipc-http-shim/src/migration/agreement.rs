//! Taking part for as long as the gateway serves, whatever becomes of the cluster.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use ipc_core::health::{Health, InboxHealth, Role};
use ipc_core::transport::{Transport, TransportError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::member::{Member, TOPIC};
use super::route::MovingRoute;
use super::webhook::Webhook;
use crate::config::Config;

/// Between two attempts to reach the cluster.
const RECONNECT: Duration = Duration::from_secs(1);

/// How a cluster is reached.
pub(crate) type Connect =
    Box<dyn Fn() -> BoxFuture<'static, Result<Arc<dyn Transport>, TransportError>> + Send + Sync>;

/// The part that this gateway takes in deciding where its routes stand.
pub(crate) struct Agreement {
    connect: Connect,
    fleet: String,
    routes: Vec<Arc<MovingRoute>>,
    webhook: Option<Webhook>,
    may_create: bool,
    health: InboxHealth,
    /// Where the cluster was reached at once.
    member: Option<Member>,
}

impl Agreement {
    /// Joins the others. A cluster that is away is no error: it is tried for while the
    /// routes stand where they begin.
    ///
    /// # Errors
    ///
    /// Where the configuration cannot work, or the topic is missing.
    pub(crate) async fn begin(
        connect: Connect,
        config: &Config,
        routes: Vec<Arc<MovingRoute>>,
        health: &Health,
    ) -> Result<Self, TransportError> {
        let mut this = Self {
            connect,
            fleet: config.fleet.clone(),
            routes,
            webhook: config.webhook.clone(),
            may_create: config.reply_partitions.is_some(),
            health: health.inbox(TOPIC, Role::Serves),
            member: None,
        };
        this.health
            .not_ready("where the routes stand is not read yet");
        match this.join().await {
            Ok(member) => this.member = Some(member),
            Err(error) if error.is_configuration() || error.is_missing_topic() => {
                return Err(error);
            }
            Err(error) => this.is_away(&error),
        }
        Ok(this)
    }

    /// Takes part until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            if let Some(member) = self.member.take() {
                let health = &self.health;
                return member.run(stop, || health.ready()).await;
            }
            let again = stop.run_until_cancelled(async {
                tokio::time::sleep(RECONNECT).await;
                self.join().await
            });
            match again.await {
                None => return,
                Some(Ok(member)) => self.member = Some(member),
                Some(Err(error)) => self.is_away(&error),
            }
        }
    }

    async fn join(&self) -> Result<Member, TransportError> {
        let transport = (self.connect)().await?;
        // Another life is another instance: what it counts begins anew.
        let instance = Uuid::new_v4().simple().to_string();
        Member::join(
            transport,
            &self.fleet,
            &instance,
            &self.routes,
            self.webhook.as_ref(),
            self.may_create,
        )
        .await
    }

    fn is_away(&self, error: &TransportError) {
        tracing::warn!(%error, "it is not known where the routes stand; they stand where they begin");
        self.health.not_ready(error.to_string());
    }
}
