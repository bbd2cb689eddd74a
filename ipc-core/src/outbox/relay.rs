//! What takes committed messages into the log.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::forward::Forward;
use super::lease::Lease;
use super::{Outbox, rows};
use crate::health::Health;
use crate::metrics::Metrics;
use crate::store::postgres::said;
use crate::transport::Transport;

/// Between two looks at how much waits.
const WATCH_EVERY: Duration = Duration::from_secs(5);

/// Takes the messages of an [`Outbox`] into the log. Made by [`Outbox::relay`]; a service
/// that is given its outbox ([`ServiceBuilder::outbox`]) runs one by itself.
///
/// Any number of instances may run one: a single one sends at a time.
///
/// [`ServiceBuilder::outbox`]: crate::service::ServiceBuilder::outbox
#[must_use = "a relay does nothing until it runs"]
pub struct Relay {
    pub(super) outbox: Outbox,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) metrics: Metrics,
    pub(super) troubles: Troubles,
    health: Health,
}

impl Relay {
    pub(super) fn new(outbox: Outbox, transport: Arc<dyn Transport>) -> Self {
        Self {
            outbox,
            transport,
            metrics: Metrics::new(),
            troubles: Troubles::default(),
            health: Health::new(),
        }
    }

    /// Counts into `metrics`. Default: metrics of its own.
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Warns in the readiness of `health`, which it never fails. Default: of nobody's.
    pub fn health(mut self, health: Health) -> Self {
        self.health = health;
        self
    }

    /// Relays until `stop` resolves; then what is under way has 5 s to be acknowledged,
    /// and another instance may go on at once.
    ///
    /// A database or a log that is away is waited for.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: what was sent and not deleted is sent again, when the lease has
    /// run out.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        let stopped = CancellationToken::new();
        let asked = async {
            stop.await;
            stopped.cancel();
        };
        let watched = stopped.run_until_cancelled(self.watch());
        tokio::join!(asked, self.lead(&stopped), watched);
    }

    async fn lead(&self, stop: &CancellationToken) {
        let Outbox { pool, lease, .. } = &self.outbox;
        let holder = Uuid::new_v4().simple().to_string();
        while !stop.is_cancelled() {
            let asked = Lease::acquire(pool, &holder, *lease);
            match stop.run_until_cancelled(asked).await {
                None => return,
                Some(Ok(Some(held))) => self.serve(held, stop).await,
                Some(Ok(None)) => {
                    // Not all of those that wait ask at the same moment.
                    let wait = lease.mul_f64(0.1 + 0.1 * fastrand::f64());
                    stop.run_until_cancelled(sleep(wait)).await;
                }
                Some(Err(error)) => {
                    self.troubles.database("cannot be led", &error);
                    stop.run_until_cancelled(sleep(*lease / 10)).await;
                }
            }
        }
    }

    async fn serve(&self, lease: Lease, stop: &CancellationToken) {
        tracing::info!("this instance relays the outbox");
        self.troubles.database_answers();
        let leading = self.metrics.outbox().leading();
        let has_lost = tokio::select! {
            biased;
            () = lease.keep() => true,
            () = Forward::new(self, &lease).run(stop) => false,
        };
        drop(leading);
        self.troubles.forget_topics();
        if has_lost {
            tracing::warn!("this instance no longer relays the outbox: its lease is over");
        } else {
            lease.release().await;
        }
    }

    /// Tells how much waits.
    async fn watch(&self) {
        let health = self.health.outbox();
        loop {
            let mut warnings = Vec::new();
            match rows::backlog(&self.outbox.pool).await {
                Ok(backlog) => {
                    self.metrics
                        .outbox()
                        .waits(backlog.waiting, backlog.parked, backlog.oldest);
                    warnings.extend(self.late(&backlog));
                    self.troubles.database_answers();
                }
                Err(error) => self.troubles.database("does not say what waits", &error),
            }
            warnings.extend(self.troubles.tell());
            health.warn(warnings);
            sleep(WATCH_EVERY).await;
        }
    }

    fn late(&self, backlog: &rows::Backlog) -> Vec<String> {
        let mut late = Vec::new();
        if backlog.oldest > self.outbox.warn_after {
            let more = match backlog.waiting == rows::MOST_COUNTED {
                true => "or more ",
                false => "",
            };
            late.push(format!(
                "outbox: {} messages {more}wait, the oldest for {} s",
                backlog.waiting,
                backlog.oldest.as_secs()
            ));
        }
        if backlog.parked > 0 {
            late.push(format!(
                "outbox: {} messages are parked, with those of their keys behind them: see \
                 Outbox::parked",
                backlog.parked
            ));
        }
        late
    }

    /// The topic's whole name.
    pub(super) fn named(&self, topic: &str) -> Arc<str> {
        self.transport.topic_names().named(topic)
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").finish_non_exhaustive()
    }
}

/// What keeps a relay from relaying, at present.
#[derive(Debug, Default)]
pub(super) struct Troubles(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    database: Option<String>,
    topics: BTreeMap<Arc<str>, String>,
}

impl Troubles {
    /// Told once until it answers again.
    pub(super) fn database(&self, what: &'static str, error: &sqlx::Error) {
        let reason = said(error);
        let mut known = self.0.lock();
        if known.database.is_none() {
            tracing::warn!(reason, "the outbox {what}");
        }
        known.database = Some(format!("outbox: it {what}: {reason}"));
    }

    pub(super) fn database_answers(&self) {
        self.0.lock().database = None;
    }

    /// Told once until it takes records again.
    pub(super) fn topic_holds(&self, topic: &Arc<str>, reason: String) {
        let mut known = self.0.lock();
        if !known.topics.contains_key(topic) {
            tracing::warn!(topic = &**topic, reason, "the outbox waits for a topic");
        }
        known.topics.insert(Arc::clone(topic), reason);
    }

    pub(super) fn topic_takes(&self, topic: &Arc<str>) {
        self.0.lock().topics.remove(topic);
    }

    fn forget_topics(&self) {
        self.0.lock().topics.clear();
    }

    fn tell(&self) -> Vec<String> {
        let known = self.0.lock();
        let topics = known
            .topics
            .iter()
            .map(|(topic, reason)| format!("outbox: {topic} takes nothing: {reason}"));
        topics.chain(known.database.clone()).collect()
    }
}
