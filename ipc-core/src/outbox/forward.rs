//! From the table into the log, for as long as the lease holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use futures_util::{FutureExt as _, future};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::lanes::{Lane, Lanes};
use super::lease::Lease;
use super::relay::Relay;
use super::rows;
use crate::transport::{Outgoing, Placed, SendError};

/// Messages that are read and not deleted, at most.
const CAPACITY: usize = 1000;
/// Each failure in a row doubles how long a topic is held, from the first to the last of
/// these.
const FIRST_HOLD: Duration = Duration::from_millis(100);
const LONGEST_HOLD: Duration = Duration::from_secs(5);
/// Between two tries of a database that does not answer.
const DATABASE: Duration = Duration::from_millis(500);
/// What is under way at the end may take so long to be acknowledged.
const LAST: Duration = Duration::from_secs(5);

/// A message of which the log has said something.
struct Settled {
    lane: Lane,
    id: i64,
    result: Result<Placed, SendError>,
}

/// A topic that takes nothing at present.
#[derive(Default)]
struct Hold {
    until: Option<Instant>,
    failures: u32,
}

/// One term of a relay.
pub(super) struct Forward<'a> {
    relay: &'a Relay,
    lease: &'a Lease,
    lanes: Lanes,
    under_way: FuturesUnordered<BoxFuture<'static, Settled>>,
    /// In the log, and not deleted from the table.
    sent: Vec<i64>,
    holds: BTreeMap<Arc<str>, Hold>,
    /// Topics that were there.
    topics: BTreeSet<Arc<str>>,
    look_at: Instant,
}

impl<'a> Forward<'a> {
    pub(super) fn new(relay: &'a Relay, lease: &'a Lease) -> Self {
        Self {
            relay,
            lease,
            lanes: Lanes::default(),
            under_way: FuturesUnordered::new(),
            sent: Vec::new(),
            holds: BTreeMap::new(),
            topics: BTreeSet::new(),
            look_at: Instant::now(),
        }
    }

    /// Relays until `stop`, and then waits a little for what is under way.
    ///
    /// # Cancel safety
    ///
    /// What is in the log and not deleted is sent again in the next term.
    pub(super) async fn run(mut self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            if self.has_room() && Instant::now() >= self.look_at {
                // A database that does not answer must not hold up the end.
                stop.run_until_cancelled(self.look()).await;
            }
            self.send();
            let look_at = match self.has_room() {
                true => sleep_until(self.look_at).left_future(),
                false => future::pending().right_future(),
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                Some(settled) = self.under_way.next() => self.settle(settled).await,
                () = look_at => {}
            }
        }
        let last = async {
            while let Some(settled) = self.under_way.next().await {
                self.settle(settled).await;
            }
            self.delete().await;
        };
        // What is not acknowledged or deleted by then is sent again.
        let _ = timeout(LAST, last).await;
    }

    fn has_room(&self) -> bool {
        self.lanes.len() + self.sent.len() <= CAPACITY / 2
    }

    /// Reads what was committed since.
    async fn look(&mut self) {
        self.delete().await;
        let now = Instant::now();
        let known = self.lanes.ids().chain(self.sent.iter().copied());
        let held = self.holds.iter().filter(|(_, hold)| hold.until > Some(now));
        let held = held.map(|(topic, _)| topic.to_string()).collect();
        let most = CAPACITY - self.lanes.len() - self.sent.len();
        let asked = i64::try_from(most).unwrap_or(i64::MAX);
        let read = rows::next(&self.relay.outbox.pool, known.collect(), held, asked).await;
        let rows = match read {
            Ok(rows) => rows,
            Err(error) => {
                self.look_at = Instant::now() + DATABASE;
                self.relay.troubles.database("cannot be read", &error);
                return;
            }
        };
        // Where there is more, it is read as soon as there is room.
        let pause = match rows.len() == most {
            true => Duration::ZERO,
            false => self.relay.outbox.look_every,
        };
        self.look_at = Instant::now() + pause;
        let missing = self.missing(rows.iter().map(|row| &row.topic)).await;
        for row in rows {
            if !missing.contains(&row.topic) {
                self.lanes.enter(row);
            }
        }
    }

    /// Which of these topics are not there: producing to one is known to have failed
    /// after half a minute only.
    async fn missing(&mut self, topics: impl Iterator<Item = &Arc<str>>) -> BTreeSet<Arc<str>> {
        let new = topics
            .filter(|topic| !self.topics.contains(*topic))
            .cloned();
        let new: BTreeSet<Arc<str>> = new.collect();
        if new.is_empty() {
            return new;
        }
        let transport = &self.relay.transport;
        let prefixed: Vec<Arc<str>> = new.iter().map(|topic| self.relay.named(topic)).collect();
        let states = transport.topics(&prefixed).await;
        let mut missing = BTreeSet::new();
        for (index, topic) in new.into_iter().enumerate() {
            let reason = match &states {
                Ok(states) if states.get(index).is_some_and(Option::is_some) => {
                    self.topics.insert(topic);
                    continue;
                }
                Ok(_) => "the topic does not exist: create it".to_owned(),
                Err(error) => error.to_string(),
            };
            self.hold(&topic, reason);
            missing.insert(topic);
        }
        missing
    }

    /// Hands over what is ready.
    fn send(&mut self) {
        // Whoever was stopped meanwhile hands nothing over any more.
        while self.lease.holds()
            && let Some((lane, row)) = self.lanes.begin()
        {
            let record = Outgoing {
                topic: self.relay.named(&row.topic),
                partition: None,
                envelope: row.envelope.clone(),
            };
            let receipt = self.relay.transport.append(&record);
            let id = row.id;
            let settled = receipt.map(move |result| Settled { lane, id, result });
            self.under_way.push(settled.boxed());
        }
    }

    /// Learns what became of `first`, and of whatever else is known by now.
    async fn settle(&mut self, first: Settled) {
        let mut next = Some(first);
        while let Some(settled) = next {
            self.settle_one(settled).await;
            next = self.under_way.next().now_or_never().flatten();
        }
        self.delete().await;
    }

    async fn settle_one(&mut self, Settled { lane, id, result }: Settled) {
        let topic = Arc::clone(lane.topic());
        let error = match result {
            Ok(_) => {
                self.relay.metrics.outbox().sent();
                self.sent.push(id);
                self.lanes.sent(&lane);
                if self.holds.remove(&topic).is_some() {
                    self.relay.troubles.topic_takes(&topic);
                }
                return;
            }
            Err(error) => error,
        };
        self.lanes.failed(&lane);
        if let SendError::TooLarge { reason, .. } = &error {
            match rows::park(&self.relay.outbox.pool, id, reason).await {
                Ok(()) => {
                    self.relay.metrics.outbox().parked();
                    tracing::error!(topic = &*topic, id, reason, "a message is parked");
                    return;
                }
                Err(error) => self.relay.troubles.database("cannot be written", &error),
            }
        }
        // It may be gone, or another's to write to.
        self.topics.remove(&topic);
        self.hold(&topic, error.to_string());
    }

    /// Nothing is sent to this topic for a while.
    fn hold(&mut self, topic: &Arc<str>, reason: String) {
        let now = Instant::now();
        let hold = self.holds.entry(Arc::clone(topic)).or_default();
        // Those that were under way together fail together.
        if hold.until.is_none_or(|until| until <= now) {
            let wait = FIRST_HOLD.saturating_mul(1 << hold.failures.min(10));
            hold.until = Some(now + wait.min(LONGEST_HOLD));
            hold.failures += 1;
        }
        self.lanes.forget(topic);
        self.relay.troubles.topic_holds(topic, reason);
    }

    /// Deletes what is in the log.
    async fn delete(&mut self) {
        if self.sent.is_empty() {
            return;
        }
        match rows::delete(&self.relay.outbox.pool, &self.sent).await {
            Ok(_) => {
                self.sent.clear();
                self.relay.troubles.database_answers();
            }
            Err(error) => self.relay.troubles.database("cannot be written", &error),
        }
    }
}
