//! Requests that are answered later: accepted now, worked on by their service, and asked
//! for by their client in the end.
//!
//! A gateway writes into the topic `<fleet>.operations` that it accepts a request, and has
//! the service reply to the same partition. Every gateway of the fleet reads all of it, so
//! that any of them can tell what became of a request.

mod board;
mod follower;
mod keeper;
mod ledger;
pub(crate) mod metrics;
mod owner;
mod record;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use ipc_core::client::Elsewhere;
use ipc_core::envelope::{CorrelationId, ReplyAddress, UnixMillis};
use ipc_core::transport::{Ack, Outgoing, Transport};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

pub(crate) use board::Look;
pub(crate) use keeper::{Connect, Keeper};
use ledger::Ledger;
use metrics::OperationMetrics;
pub(crate) use owner::owner;
pub(crate) use record::{Accepted, Reply};
use record::{Record, made};

use crate::config;
use crate::upstream::Failure;

/// How long after an operation was accepted by another gateway this one may not have read
/// of it, and how long it is waited for then.
const NEW: Duration = Duration::from_secs(5);
const READ_WITHIN: Duration = Duration::from_secs(1);
/// When a client that was told 503 may try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The operations of this gateway's fleet.
#[derive(Debug)]
pub(crate) struct Operations {
    path: String,
    ledger: Arc<Ledger>,
    /// The way to the topic, once there is one.
    link: ArcSwapOption<Link>,
}

/// The way to the topic.
struct Link {
    transport: Arc<dyn Transport>,
    topic: Arc<str>,
    partitions: i32,
}

/// An operation that has begun: its request may be sent.
#[derive(Debug)]
pub(crate) struct Begun {
    link: Arc<Link>,
    partition: i32,
    pub(crate) id: CorrelationId,
    within: Duration,
}

impl Operations {
    pub(crate) fn new(rules: &config::Operations, metrics: &OperationMetrics) -> Self {
        let ledger = Ledger::new(rules.cache, rules.keep, metrics.clone());
        Self {
            path: rules.path.clone(),
            ledger: Arc::new(ledger),
            link: ArcSwapOption::empty(),
        }
    }

    /// Writes that a request of `route` is accepted, which its service has to answer
    /// `within` that time and `owner` alone may ask for. Takes no longer than `patience`.
    ///
    /// # Errors
    ///
    /// Where that cannot be written: the request must not be sent.
    ///
    /// # Cancel safety
    ///
    /// It may be written that a request was accepted that nobody sends: that is told to
    /// be running until its time is over, to nobody, since nobody knows its id.
    pub(crate) async fn begin(
        &self,
        route: &str,
        owner: Option<String>,
        within: Duration,
        patience: Duration,
    ) -> Result<Begun, Failure> {
        let link = self.link.load_full();
        let link = link.ok_or_else(|| rejected("the topic of operations is not reached yet"))?;
        let id = CorrelationId::random();
        let accepted = Accepted {
            route: route.to_owned(),
            until: link.transport.now().0.saturating_add(millis(within)),
            owner,
        };
        // Its last bytes are random.
        let random = id.as_bytes().last().copied().unwrap_or_default();
        let begun = Begun {
            partition: i32::from(random) % link.partitions.max(1),
            id: id.clone(),
            within,
            link,
        };
        let record = Record::Accepted(id, accepted);
        let outgoing = begun.outgoing(&record);
        let appending = begun.link.transport.append(&outgoing);
        match timeout(patience, appending).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(rejected(&error.to_string())),
            Err(_) => return Err(rejected("the topic of operations takes nothing")),
        }
        // Its client may ask before it has come back.
        self.ledger.take([(record, UnixMillis::now())]);
        Ok(begun)
    }

    /// Takes back that a request was accepted, as far as that can be done.
    pub(crate) fn withdraw(&self, begun: &Begun) {
        let record = Record::Withdrawn(begun.id.clone());
        let outgoing = begun.outgoing(&record);
        begun.link.transport.send(&outgoing, Ack::ignored());
        self.ledger.take([(record, UnixMillis::now())]);
    }

    /// The reply to an operation, if it comes until `end`.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is changed.
    pub(crate) async fn reply(&self, id: &CorrelationId, end: Instant) -> Option<Arc<Reply>> {
        let is_settled = |look: &Look| !matches!(look, Look::Running(_));
        match self.ledger.look_until(id, end, is_settled).await {
            Look::Answered(_, reply) => Some(reply),
            _ => None,
        }
    }

    /// Where the operation with this id is asked for.
    pub(crate) fn path_of(&self, id: &CorrelationId) -> String {
        format!("{}/{id}", self.path)
    }

    /// The operation that a path names; `Some(None)` where it names none of ours.
    pub(crate) fn named_by(&self, path: &str) -> Option<Option<CorrelationId>> {
        let id = path.strip_prefix(&self.path)?.strip_prefix('/')?;
        let uuid = Uuid::try_parse(id).ok();
        // One spelling only.
        let uuid = uuid.filter(|uuid| uuid.hyphenated().to_string() == id);
        let id = uuid.map(CorrelationId::from);
        Some(id.filter(|id| made(id).is_some()))
    }

    /// What became of an operation; `None` where that is not known yet. Waits a little for
    /// one that another gateway may have accepted just now.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is changed.
    pub(crate) async fn look(&self, id: &CorrelationId) -> Option<Look> {
        let is_new = made(id).is_some_and(|made| {
            let now = UnixMillis::now();
            now.since(made) < NEW && made.since(now) < NEW
        });
        let wait = if is_new { READ_WITHIN } else { Duration::ZERO };
        let is_known = |look: &Look| !matches!(look, Look::Unknown);
        let look = self.ledger.look_until(id, Instant::now() + wait, is_known);
        let look = look.await;
        let is_certain = is_known(&look) || self.ledger.is_caught_up();
        is_certain.then_some(look)
    }
}

/// How long ago an operation was accepted.
pub(crate) fn age(id: &CorrelationId) -> Option<Duration> {
    made(id).map(|made| UnixMillis::now().since(made))
}

impl Begun {
    /// Where its service replies; refused where `only_if_present` and none is there.
    pub(crate) fn elsewhere(&self, only_if_present: bool) -> Elsewhere {
        Elsewhere {
            correlation_id: self.id.clone(),
            reply_to: ReplyAddress::new(&*self.link.topic, Some(self.partition)),
            within: self.within,
            only_if_present,
        }
    }

    fn outgoing(&self, record: &Record) -> Outgoing {
        Outgoing {
            topic: Arc::clone(&self.link.topic),
            partition: Some(self.partition),
            envelope: record.to_envelope().unwrap_or_default(),
        }
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("topic", &self.topic)
            .field("partitions", &self.partitions)
            .finish_non_exhaustive()
    }
}

fn rejected(reason: &str) -> Failure {
    Failure::Rejected {
        reason: reason.to_owned(),
        retry_after: RETRY_AFTER,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
