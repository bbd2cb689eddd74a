//! A service that runs, and how it ends.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::hooks::Hooks;
use super::inlet::Requests;
#[cfg(feature = "http-server")]
use super::listener::{HttpListener, ServedHttp};
use super::outage::Outage;
use super::pauses::{self, Pauses};
use super::presence::Presence;
use super::topics::Topics;
use super::{ServeError, ServiceBuilder, control};
use crate::dispatch::{
    Delivery, Engine, Input, Intake, Limits, OpenReplies, Outcome, ParkedTopics, Policies, Replier,
    ReplyTopics, Scope, Workshop,
};
use crate::health::{Health, StoreHealth};
use crate::metrics::Metrics;
use crate::store::Dedup;
use crate::transport::{Consumer, Subscription, Transport};

/// How much longer than the drain bound dispatch may take to end: it keeps the
/// bound itself.
const MARGIN: Duration = Duration::from_secs(1);
/// How long leaving the group may take.
const LEAVE: Duration = Duration::from_secs(10);
/// How long records handed over may take to be settled at the end.
const FLUSH: Duration = Duration::from_secs(5);

/// A service that answers from Kafka until it is stopped.
///
/// Dropping it without [`stop`](Service::stop) ends it without draining: what
/// was under way is redelivered to another instance.
pub struct Service {
    name: Arc<str>,
    transport: Arc<dyn Transport>,
    limits: Limits,
    health: Health,
    metrics: Metrics,
    hooks: Hooks,
    consumer: Arc<Consumer>,
    /// The partitions of the request topic this instance reads.
    assigned: watch::Receiver<BTreeSet<i32>>,
    control: Consumer,
    /// Follows what is paused.
    pauses: Consumer,
    inputs: mpsc::UnboundedSender<Input>,
    open: OpenReplies,
    engine: JoinSet<()>,
    /// Cancelled when nothing new is taken on any more.
    serving: CancellationToken,
    /// What goes on beside dispatch until then.
    beside: JoinSet<()>,
    /// Where replies are stored that nobody waits for any more.
    afterwards: TaskTracker,
    #[cfg(feature = "http-server")]
    admin: Option<super::Admin>,
    #[cfg(feature = "http-server")]
    http: Option<ServedHttp>,
}

/// Everything a service is made of.
pub(super) struct Parts {
    pub(super) name: Arc<str>,
    /// This run of it.
    pub(super) instance: Arc<str>,
    pub(super) group: Arc<str>,
    /// Where it has exactly-once endpoints.
    pub(super) transactional_id: Option<String>,
    pub(super) topics: Topics,
    pub(super) limits: Limits,
    pub(super) reply_topics: ReplyTopics,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) policies: Arc<dyn Policies>,
    pub(super) metrics: Metrics,
    pub(super) health: Health,
    pub(super) hooks: Hooks,
    pub(super) stored: Option<Stored>,
    #[cfg(feature = "postgres")]
    pub(super) relay: Option<crate::outbox::Relay>,
    /// Where replies are stored that nobody waits for any more.
    pub(super) afterwards: TaskTracker,
    #[cfg(feature = "http-server")]
    pub(super) admin: Option<super::Admin>,
    #[cfg(feature = "http-server")]
    pub(super) http: Option<HttpListener>,
}

/// The dedup store of a service, as its layers ask it.
pub(super) struct Stored {
    pub(super) dedup: Dedup,
    pub(super) health: Arc<StoreHealth>,
    /// What may not be consumed while it is away.
    pub(super) scopes: Vec<Scope>,
}

impl Parts {
    pub(super) async fn start<H>(mut self, handler: H) -> Result<Service, ServeError>
    where
        H: tower::Service<Delivery, Response = Outcome, Error = Infallible>
            + Clone
            + Send
            + 'static,
        H::Future: Send,
    {
        #[expect(
            clippy::disallowed_methods,
            reason = "the consumer's thread must not wait; pausing full partitions bounds it"
        )]
        let (inputs, inbox) = mpsc::unbounded_channel();
        let open = OpenReplies::new(self.limits.streams, self.metrics.clone());
        let control = control::listen(
            &*self.transport,
            &self.topics.control,
            inputs.clone(),
            open.clone(),
            self.metrics.clone(),
        )
        .await?;
        // Before the first record.
        self.health.starting("reading what is paused");
        let endpoints = self.policies.all().into_iter();
        let Pauses {
            reader: pauses,
            obeyed,
        } = pauses::follow(
            &*self.transport,
            &self.topics.pauses,
            endpoints.map(|policy| Arc::clone(&policy.name)).collect(),
            inputs.clone(),
        )
        .await?;
        self.health.starting("joining its consumer group");
        let instance = ByteString::from(&*self.instance);
        let consumer_health = self
            .health
            .consumer(Arc::clone(&self.topics.requests[0]), Instant::now());
        let consumer_health = Arc::new(consumer_health);
        let dedup = self.stored.as_ref().map(|it| Arc::clone(&it.dedup.store));
        let inlet = Requests::new(inputs.clone(), Arc::clone(&consumer_health), dedup);
        let tiers = self.topics.tiers();
        let parked = mem::take(&mut self.topics.parked);
        let parked = (!parked.is_empty()).then(|| {
            let transport = Arc::clone(&self.transport);
            ParkedTopics::new(transport, Arc::clone(&self.group), parked)
        });
        let subscription = Subscription {
            group: self.group,
            topics: self.topics.consumed(),
        };
        let consumer = self
            .transport
            .subscribe(subscription, Box::new(inlet))
            .await?;
        let consumer = Arc::new(consumer);
        let (assigned, assignment) = watch::channel(BTreeSet::new());
        let replier = Replier::new(Arc::clone(&self.transport), open.clone(), instance.clone());
        let intake = Intake::new(
            Arc::clone(&self.name),
            self.policies,
            self.reply_topics,
            self.metrics.clone(),
        )
        .with_tiers(tiers);
        let shop = Workshop::new(
            Arc::new(replier),
            Arc::clone(&consumer),
            inputs.clone(),
            self.metrics.clone(),
        );
        let engine = Engine::new(
            handler,
            intake,
            shop,
            self.limits.clone(),
            Arc::clone(&consumer_health),
            assigned,
            self.metrics.clone(),
        )
        .with_parking(parked);
        let engine = match self.transactional_id {
            None => engine,
            Some(id) => {
                self.health
                    .starting("looking for its transaction coordinator");
                engine.with_transactions(consumer.transactions(&id).await?)
            }
        };
        let presence = Presence {
            transport: Arc::clone(&self.transport),
            topic: self.topics.control,
            instance,
            assigned: assignment.clone(),
            obeyed,
            health: consumer_health,
            metrics: self.metrics.clone(),
        };
        let serving = CancellationToken::new();
        let health = self.health;
        let mut service = Service {
            name: self.name,
            transport: self.transport,
            limits: self.limits,
            health: health.clone(),
            metrics: self.metrics,
            hooks: self.hooks,
            consumer,
            assigned: assignment,
            control,
            pauses,
            inputs,
            open,
            engine: JoinSet::new(),
            beside: JoinSet::new(),
            afterwards: self.afterwards,
            serving: serving.clone(),
            #[cfg(feature = "http-server")]
            admin: self.admin,
            #[cfg(feature = "http-server")]
            http: self.http.map(|http| http.serve(&health)),
        };
        service.engine.spawn(engine.run(inbox));
        service.beside.spawn(presence.run(serving.clone()));
        #[cfg(feature = "postgres")]
        if let Some(relay) = self.relay {
            let stop = serving.clone().cancelled_owned();
            let span = tracing::info_span!("outbox");
            service.beside.spawn(relay.run(stop).instrument(span));
        }
        if let Some(stored) = self.stored {
            let Stored {
                dedup,
                health,
                scopes,
            } = stored;
            let inputs = service.inputs.clone();
            let outage = Outage::new(&service.name, &dedup, health, scopes, inputs);
            let span = tracing::info_span!("upkeep", store = dedup.store.name());
            let upkeep = async move {
                let both = async { tokio::join!(dedup.store.upkeep(), outage.run()) };
                serving.run_until_cancelled(both).await;
            };
            service.beside.spawn(upkeep.instrument(span));
        }
        service.health.started();
        if let Err(error) = service.hooks.ready().await {
            service.stop().await;
            return Err(error.into());
        }
        Ok(service)
    }
}

impl Service {
    /// A service called `name`, which reads `<name>.requests`.
    pub fn builder(name: impl Into<String>) -> ServiceBuilder {
        ServiceBuilder::new(name.into())
    }

    /// What this service knows of its own state.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// What this service counts.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Waits until this instance reads a partition of its request topic, and so
    /// answers at once. Requests that are sent before are answered then.
    ///
    /// It waits for ever where other instances have all partitions.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is changed.
    pub async fn assigned(&self) {
        let mut assigned = self.assigned.clone();
        let some = assigned.wait_for(|partitions| !partitions.is_empty());
        if some.await.is_err() {
            // Dispatch has ended, and with it every assignment.
            std::future::pending::<()>().await;
        }
    }

    /// Where the admin listener answers, if there is one.
    #[cfg(feature = "http-server")]
    #[must_use]
    pub fn admin_address(&self) -> Option<std::net::SocketAddr> {
        self.admin.as_ref().map(super::Admin::address)
    }

    /// Starts nothing new, lets what runs finish within the drain bound, ends
    /// open streams so that their callers can resume, stores and commits offsets,
    /// and leaves the group.
    ///
    /// HTTP connections of
    /// [`serve_with_http`](ServiceBuilder::serve_with_http) that are still in use
    /// when the bound has passed are closed: their handlers are dropped at their
    /// next await, and their clients read the end of the connection.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the rest to the group: it is redelivered.
    pub async fn stop(mut self) {
        tracing::info!(service = &*self.name, "draining");
        self.health.draining();
        self.serving.cancel();
        // An engine that has ended needs no word.
        let _ = self.inputs.send(Input::Drain);
        let until = Instant::now() + self.limits.drain + MARGIN;
        let over_kafka = async {
            if timeout_at(until, self.engine.join_next()).await.is_err() {
                tracing::warn!("dispatch did not end in time");
            }
            if timeout_at(until, self.open.drained()).await.is_err() {
                tracing::warn!("open replies did not end in time");
            }
            self.afterwards.close();
            if timeout_at(until, self.afterwards.wait()).await.is_err() {
                tracing::warn!("replies of handlers that have ended were not stored in time");
            }
        };
        #[cfg(feature = "http-server")]
        let over_http = async {
            if let Some(http) = self.http {
                http.drain(self.limits.drain).await;
            }
        };
        #[cfg(not(feature = "http-server"))]
        let over_http = async {};
        tokio::join!(over_kafka, over_http);
        while self.beside.join_next().await.is_some() {}
        if let Err(error) = self.transport.flush(FLUSH).await {
            tracing::warn!(%error, "service ended with unsettled records");
        }
        self.consumer.close(LEAVE).await;
        tokio::join!(self.control.close(LEAVE), self.pauses.close(LEAVE));
        self.hooks.stop(self.limits.drain).await;
        #[cfg(feature = "http-server")]
        if let Some(admin) = self.admin {
            admin.stop().await;
        }
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
