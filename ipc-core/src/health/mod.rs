//! Whether a process works, can serve, and has started: what others report, and
//! what follows from it.
//!
//! [`Health`] is a cheap handle. A consumer, a reply inbox or a handler gets a
//! handle of its own from it and counts for as long as that lives. The verdicts
//! are pure functions of [`Facts`] and a point in time.
//!
//! # What fails what
//!
//! | | liveness | readiness | start-up |
//! |---|---|---|---|
//! | start-up not finished | | fails | fails |
//! | draining | | fails | |
//! | the main runtime does not turn | after 10 s | after 4 s | |
//! | a consumer's poll loop does not turn | after 10 s | after 4 s, if nothing else is served | |
//! | a handler runs on beyond its deadline | after 10 s | | |
//! | the broker is away | never | after 3 s, if nothing else is served | |
//! | the reply inbox is not ready | never | if nothing else is served | |
//! | consumption is stopped, a partition is paused, none is assigned, the dedup store is away, the outbox is late, a newer configuration is refused | never | never | |
//!
//! What does not fail readiness is told as a warning: a partition that is paused
//! because its window is full, with that reason, and the inbox of a client that
//! was given this health ([`ClientBuilder::health`]) with its own. Liveness means "restart
//! me": nothing that a restart does not mend may fail it.
//!
//! [`ClientBuilder::health`]: crate::client::ClientBuilder::health

mod configuration;
mod facts;
mod handlers;
mod outbox;
mod parts;
mod store;
#[cfg(test)]
mod tests;
mod verdict;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

pub use configuration::ConfigurationHealth;
pub use facts::Facts;
pub use handlers::HandlerWatch;
pub use outbox::OutboxHealth;
pub use parts::{ConsumerHealth, InboxHealth, PausedPartition, Role, StoppedConsumption};
pub use store::StoreHealth;
pub use verdict::Verdict;

use facts::{Consumer, Inbox};
use handlers::Handlers;

/// What a process knows of itself. Clones share their state.
#[derive(Clone, Debug)]
pub struct Health(Arc<State>);

#[derive(Debug)]
struct State {
    known: Mutex<Known>,
    handlers: Arc<Handlers>,
}

#[derive(Debug)]
struct Known {
    step: Option<Cow<'static, str>>,
    draining: bool,
    runtime_turned: Option<Instant>,
    next_id: u64,
    consumers: BTreeMap<u64, Consumer>,
    inboxes: BTreeMap<u64, Inbox>,
    stores: BTreeMap<&'static str, Arc<str>>,
    outbox: Vec<String>,
    configuration: Option<String>,
    served_locally: Vec<Arc<str>>,
}

impl Health {
    /// The health of a process that is starting.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(State {
            known: Mutex::new(Known {
                step: Some("the service is being built".into()),
                draining: false,
                runtime_turned: None,
                next_id: 0,
                consumers: BTreeMap::new(),
                inboxes: BTreeMap::new(),
                stores: BTreeMap::new(),
                outbox: Vec::new(),
                configuration: None,
                served_locally: Vec::new(),
            }),
            handlers: Arc::default(),
        }))
    }

    /// Says what start-up is at: `waiting for topic orders.requests`.
    pub fn starting(&self, step: impl Into<Cow<'static, str>>) {
        self.0.known.lock().step = Some(step.into());
    }

    /// Start-up is finished.
    pub fn started(&self) {
        self.0.known.lock().step = None;
    }

    /// The process takes on no more work.
    pub fn draining(&self) {
        self.0.known.lock().draining = true;
    }

    /// The main runtime still turns.
    pub fn runtime_turned(&self, now: Instant) {
        self.0.known.lock().runtime_turned = Some(now);
    }

    /// Something is served that needs no broker: `http on 0.0.0.0:8080`,
    /// `legacy routes`.
    pub fn served_locally(&self, what: impl Into<Arc<str>>) {
        self.0.known.lock().served_locally.push(what.into());
    }

    /// A consumer of `topics`, its broker not reached yet. Its poll loop is
    /// expected to turn from now on.
    #[must_use]
    pub fn consumer(&self, topics: impl Into<Arc<str>>, now: Instant) -> ConsumerHealth {
        ConsumerHealth::new(&self.0, topics.into(), now)
    }

    /// A reply inbox that reads `topic`, not ready yet.
    #[must_use]
    pub fn inbox(&self, topic: impl Into<Arc<str>>, role: Role) -> InboxHealth {
        InboxHealth::new(&self.0, topic.into(), role)
    }

    /// The dedup store called `name`, which answers so far.
    #[must_use]
    pub fn store(&self, name: &'static str) -> StoreHealth {
        StoreHealth::new(&self.0, name)
    }

    /// The outbox that this process relays, with nothing to be warned of so far.
    #[must_use]
    pub fn outbox(&self) -> OutboxHealth {
        OutboxHealth::new(&self.0)
    }

    /// The configuration that this process follows, which is in use so far.
    #[must_use]
    pub fn configuration(&self) -> ConfigurationHealth {
        ConfigurationHealth::new(&self.0)
    }

    /// Watches a handler that must be done at `finish_by`, until the guard is
    /// dropped.
    #[inline]
    pub fn handler(&self, endpoint: &Arc<str>, finish_by: Instant) -> HandlerWatch {
        Handlers::watch(&self.0.handlers, endpoint, finish_by)
    }

    /// Everything known at `now`.
    #[must_use]
    pub fn facts(&self, now: Instant) -> Facts {
        let known = self.0.known.lock();
        Facts {
            step: known.step.clone(),
            draining: known.draining,
            runtime_turned: known.runtime_turned,
            consumers: known.consumers.values().cloned().collect(),
            inboxes: known.inboxes.values().cloned().collect(),
            stores: known.stores.values().cloned().collect(),
            outbox: known.outbox.clone(),
            configuration: known.configuration.clone(),
            served_locally: known.served_locally.clone(),
            overdue: self.0.handlers.overdue(now),
        }
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl Known {
    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}
