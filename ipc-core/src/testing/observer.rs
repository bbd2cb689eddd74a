//! A consumer that remembers what it was told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::transport::{
    Consumer, ConsumerControl, Event, Inlet, Received, Revocation, Start, Subscription,
    TopicPartition, Transport, TransportError,
};

/// How long an observer waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A consumer of any transport, with everything it has seen.
///
/// It lets revoked partitions go at once, unless told to
/// [`hold`](Observer::hold) them.
#[derive(Debug)]
pub struct Observer {
    consumer: Consumer,
    seen: Arc<watch::Sender<Seen>>,
}

/// What a consumer has been told so far.
#[derive(Debug, Default)]
pub struct Seen {
    /// The partitions it has now.
    pub owned: BTreeSet<TopicPartition>,
    /// Every record, in the order of arrival.
    pub records: Vec<Received>,
    /// Revocations it is holding.
    pub held: Vec<Revocation>,
    /// Every trouble reported.
    pub troubles: Vec<String>,
    /// Whether it has ended.
    pub closed: bool,
    /// Every breach of the transport contract.
    pub breaches: Vec<String>,
    holds: bool,
    is_member: bool,
    /// The offset that must come next, of each partition that is being read.
    next: BTreeMap<TopicPartition, i64>,
}

impl Observer {
    /// Joins `group` to read `topics`.
    ///
    /// # Errors
    ///
    /// Those of [`Transport::subscribe`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the group again.
    pub async fn join(
        transport: &dyn Transport,
        group: &str,
        topics: &[&Arc<str>],
    ) -> Result<Self, TransportError> {
        let seen = Self::nothing_yet(true);
        let subscription = Subscription {
            group: Arc::from(group),
            topics: topics.iter().map(|topic| Arc::clone(topic)).collect(),
        };
        let consumer = transport.subscribe(subscription, inlet(&seen)).await?;
        Ok(Self { consumer, seen })
    }

    /// Reads one partition outside any group.
    ///
    /// # Errors
    ///
    /// Those of [`Transport::read`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the reading.
    pub async fn read(
        transport: &dyn Transport,
        from: TopicPartition,
        start: Start,
    ) -> Result<Self, TransportError> {
        let seen = Self::nothing_yet(false);
        let consumer = transport.read(from, start, inlet(&seen)).await?;
        Ok(Self { consumer, seen })
    }

    fn nothing_yet(is_member: bool) -> Arc<watch::Sender<Seen>> {
        Arc::new(watch::Sender::new(Seen {
            is_member,
            ..Seen::default()
        }))
    }

    /// Waits until `condition` holds, which `what` says in words.
    ///
    /// # Panics
    ///
    /// When it does not within a minute, or when the consumer broke the contract.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing seen is lost.
    pub async fn until(&self, what: &str, mut condition: impl FnMut(&Seen) -> bool) {
        let mut seen = self.seen.subscribe();
        let reached = seen.wait_for(|seen| condition(seen) || !seen.breaches.is_empty());
        let in_time = tokio::time::timeout(PATIENCE, reached).await.is_ok();
        self.seen(|seen| {
            assert!(seen.breaches.is_empty(), "{:#?}", seen.breaches);
            assert!(in_time, "never happened: {what}; {}", seen.summary());
        });
    }

    /// Looks at what was seen up to now.
    pub fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.borrow())
    }

    /// Keeps revocations from now on, so that the group has to wait.
    pub fn hold(&self) {
        self.seen.send_modify(|seen| seen.holds = true);
    }

    /// Drops the revocations it holds and keeps none from now on.
    pub fn let_go(&self) {
        let mut held = Vec::new();
        self.seen.send_modify(|seen| {
            seen.holds = false;
            held = std::mem::take(&mut seen.held);
        });
        drop(held);
    }
}

impl std::ops::Deref for Observer {
    type Target = dyn ConsumerControl;

    fn deref(&self) -> &Self::Target {
        &*self.consumer
    }
}

fn inlet(seen: &Arc<watch::Sender<Seen>>) -> Box<dyn Inlet> {
    let seen = Arc::clone(seen);
    Box::new(move |event| {
        let mut released = None;
        seen.send_modify(|seen| released = seen.take(event));
        // Outside the lock: the transport may report the next event at once.
        drop(released);
    })
}

impl Seen {
    /// Notes an event, and gives back a revocation to be dropped.
    fn take(&mut self, event: Event) -> Option<Revocation> {
        if self.closed {
            self.breaches.push(format!("after the end: {event:?}"));
        }
        match event {
            Event::Assigned(partitions) => self.owned.extend(partitions),
            Event::Records(records) => {
                for record in records {
                    self.note(record);
                }
            }
            Event::Revoked(revocation) => {
                for partition in &revocation.partitions {
                    self.next.remove(partition);
                    if !self.owned.remove(partition) {
                        let breach = format!("{partition} was revoked and never assigned");
                        self.breaches.push(breach);
                    }
                }
                if !self.holds {
                    return Some(revocation);
                }
                self.held.push(revocation);
            }
            Event::Troubled(why) => self.troubles.push(why),
            Event::Closed => self.closed = true,
        }
        None
    }

    fn note(&mut self, record: Received) {
        let (partition, offset) = (&record.origin.partition, record.origin.offset);
        if self.is_member && !self.owned.contains(partition) {
            let breach = format!("{partition} is not assigned and delivered offset {offset}");
            self.breaches.push(breach);
        }
        let next = self.next.insert(partition.clone(), offset + 1);
        if let Some(next) = next
            && next != offset
        {
            let breach = format!("{partition} went on with offset {offset} instead of {next}");
            self.breaches.push(breach);
        }
        self.records.push(record);
    }

    /// The payloads, as text, in the order of arrival.
    #[must_use]
    pub fn payloads(&self) -> Vec<String> {
        self.records.iter().map(payload).collect()
    }

    /// The records that came from one partition.
    pub fn records_of<'a>(
        &'a self,
        partition: &'a TopicPartition,
    ) -> impl DoubleEndedIterator<Item = &'a Received> {
        let records = self.records.iter();
        records.filter(move |record| record.origin.partition == *partition)
    }

    /// Their payloads, as text.
    #[must_use]
    pub fn payloads_of(&self, partition: &TopicPartition) -> Vec<String> {
        self.records_of(partition).map(payload).collect()
    }

    fn summary(&self) -> String {
        let positions: Vec<String> = self
            .next
            .iter()
            .map(|(partition, next)| format!("{partition} up to {next}"))
            .collect();
        format!(
            "seen: {} records ({}), partitions {:?}, {} revocations held, closed: {}, troubles {:?}",
            self.records.len(),
            positions.join(", "),
            self.owned,
            self.held.len(),
            self.closed,
            self.troubles
        )
    }
}

fn payload(record: &Received) -> String {
    let bytes = record.envelope.payload.as_deref().unwrap_or_default();
    String::from_utf8_lossy(bytes).into_owned()
}
