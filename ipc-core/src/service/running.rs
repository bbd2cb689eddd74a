//! A service that runs, and how it ends.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::ServiceBuilder;
use super::builder::Topics;
use super::control;
use super::presence::Presence;
use crate::dispatch::{
    Delivery, Engine, Input, Intake, Limits, OpenReplies, Outcome, Policies, Replier, ReplyTopics,
};
use crate::transport::{Consumer, Event, Subscription, Transport, TransportError};

/// A service that answers from Kafka until it is stopped.
///
/// Dropping it without [`stop`](Service::stop) ends it without draining: what
/// was under way is redelivered to another instance.
pub struct Service {
    name: Arc<str>,
    transport: Arc<dyn Transport>,
    limits: Limits,
    consumer: Arc<Consumer>,
    control: Consumer,
    inputs: mpsc::UnboundedSender<Input>,
    open: OpenReplies,
    engine: JoinSet<()>,
    /// Cancelled when nothing new is taken on any more.
    serving: CancellationToken,
    background: JoinSet<()>,
}

/// Everything a service is made of.
pub(super) struct Parts {
    pub(super) name: Arc<str>,
    pub(super) group: Arc<str>,
    pub(super) topics: Topics,
    pub(super) limits: Limits,
    pub(super) reply_topics: ReplyTopics,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) policies: Arc<dyn Policies>,
}

impl Parts {
    pub(super) async fn start<H>(self, handler: H) -> Result<Service, TransportError>
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
        let open = OpenReplies::new(self.limits.streams);
        let control = control::listen(
            &*self.transport,
            &self.topics.control,
            inputs.clone(),
            open.clone(),
        )
        .await?;
        let instance = ByteString::from(format!("{}/{}", self.name, Uuid::new_v4().simple()));
        let (assigned, assignment) = watch::channel(BTreeSet::new());
        let presence = Presence {
            transport: Arc::clone(&self.transport),
            topic: Arc::clone(&self.topics.control),
            instance: instance.clone(),
            assigned: assignment,
        };
        let events = inputs.clone();
        let inlet = move |event: Event| {
            // An engine that has ended lets go of what it is told.
            let _ = events.send(Input::Event(event));
        };
        let subscription = Subscription {
            group: self.group,
            topics: vec![Arc::clone(&self.topics.requests)],
        };
        let consumer = self
            .transport
            .subscribe(subscription, Box::new(inlet))
            .await?;
        let consumer = Arc::new(consumer);
        let engine = Engine::new(
            handler,
            Intake::new(self.policies, self.reply_topics),
            Arc::new(Replier::new(
                Arc::clone(&self.transport),
                open.clone(),
                instance,
            )),
            self.limits.clone(),
            Arc::clone(&consumer),
            assigned,
        );
        let serving = CancellationToken::new();
        let mut background = JoinSet::new();
        background.spawn(presence.run(serving.clone()));
        let mut tasks = JoinSet::new();
        tasks.spawn(engine.run(inbox));
        Ok(Service {
            name: self.name,
            transport: self.transport,
            limits: self.limits,
            consumer,
            control,
            inputs,
            open,
            engine: tasks,
            serving,
            background,
        })
    }
}

impl Service {
    /// A service called `name`, which reads `<name>.requests`.
    pub fn builder(name: impl Into<String>) -> ServiceBuilder {
        ServiceBuilder::new(name.into())
    }

    /// Starts nothing new, lets what runs finish within the drain bound, stores
    /// and commits offsets, and leaves the group.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the rest to the group: it is redelivered.
    pub async fn stop(self) {
        tracing::info!(service = &*self.name, "draining");
        self.serving.cancel();
        // An engine that has ended needs no word.
        let _ = self.inputs.send(Input::Drain);
        let bound = self.limits.drain + Duration::from_secs(1);
        if tokio::time::timeout(bound, self.engine.join_all())
            .await
            .is_err()
        {
            tracing::warn!("dispatch did not end in time");
        }
        if tokio::time::timeout(bound, self.open.drained())
            .await
            .is_err()
        {
            tracing::warn!("open replies did not end in time");
        }
        self.background.join_all().await;
        if let Err(error) = self.transport.flush(Duration::from_secs(5)).await {
            tracing::warn!(%error, "service ended with unsettled records");
        }
        self.consumer.close(Duration::from_secs(10)).await;
        self.control.close(Duration::from_secs(2)).await;
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
