//! The partition this instance reads its replies from, and the proof that it does.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicI64, Ordering};
use std::time::Duration;

use bytestring::ByteString;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::pending::{Pending, Routed};
use super::place;
use super::upload::Uploads;
use crate::envelope::control::Control;
use crate::envelope::{CallerId, ParkedAddress, ReplyAddress, ReplyHead, names};
use crate::health::InboxHealth;
use crate::metrics::Metrics;
use crate::transport::{
    Ack, Consumer, Event, Outgoing, Received, Start, TopicPartition, Transport, TransportError,
};

/// Between two pings.
const PING_EVERY: Duration = Duration::from_secs(1);
/// Pings that may be missing before the inbox counts as deaf.
const MISSES: u32 = 3;
/// Whoever listens on a partition has written a ping to it in this time, or does
/// not hear itself any more.
pub(super) const RECENTLY: Duration = PING_EVERY.saturating_mul(MISSES);
/// How long closing a reader may take.
const CLOSE: Duration = Duration::from_secs(2);

/// Reads replies without a consumer group: the partition is assigned, from an
/// offset settled beforehand, and a ping that came back proves it.
pub(super) struct Inbox {
    topic: ByteString,
    partition: Arc<AtomicI32>,
    /// The nonce of the newest ping that came back.
    heard: watch::Receiver<u64>,
}

/// What the inbox needs of its client.
pub(super) struct Wiring {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) caller: CallerId,
    pub(super) pending: Arc<Pending>,
    pub(super) uploads: Arc<Uploads>,
    pub(super) metrics: Metrics,
    pub(super) health: InboxHealth,
    pub(super) stop: CancellationToken,
}

impl Inbox {
    /// Starts reading and returns once the first ping has come back. The task
    /// that goes on pinging ends with `wiring.stop`.
    pub(super) async fn open(
        wiring: Wiring,
        place: TopicPartition,
        within: Duration,
    ) -> Result<(Self, JoinSet<()>), TransportError> {
        let (hear, mut heard) = watch::channel(0);
        let hear = Arc::new(hear);
        let next = Arc::new(AtomicI64::new(0));
        let reader = wiring.read(&place, Start::End, &hear, &next).await?;
        wiring.ping(&place, 1);
        let came_back = timeout(within, heard.wait_for(|nonce| *nonce > 0))
            .await
            .is_ok_and(|heard| heard.is_ok());
        if !came_back {
            reader.close(CLOSE).await;
            return Err(TransportError::unreachable(format!(
                "a ping to {place} did not come back within {within:?}: \
                 check that the reply topic can be written and read"
            )));
        }
        wiring.health.ready();
        let partition = Arc::new(AtomicI32::new(place.partition));
        let inbox = Self {
            topic: ByteString::from(&*place.topic),
            partition: Arc::clone(&partition),
            heard: heard.clone(),
        };
        let keeper = Keeper {
            wiring,
            place,
            partition,
            hear,
            heard,
            next,
            reader,
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(keeper.run());
        Ok((inbox, tasks))
    }

    /// Where replies are to be sent.
    pub(super) fn address(&self) -> ReplyAddress {
        let partition = self.partition.load(Ordering::Relaxed);
        ReplyAddress::new(self.topic.clone(), Some(partition))
    }

    /// Where it is to be told that a one-way was given up.
    pub(super) fn parked_address(&self) -> ParkedAddress {
        ParkedAddress {
            topic: self.topic.to_string(),
            partition: Some(self.partition.load(Ordering::Relaxed)),
        }
    }

    /// Whether replies are heard at present.
    pub(super) fn is_ready(&self) -> bool {
        *self.heard.borrow() > 0
    }
}

impl Wiring {
    async fn read(
        &self,
        place: &TopicPartition,
        start: Start,
        hear: &Arc<watch::Sender<u64>>,
        next: &Arc<AtomicI64>,
    ) -> Result<Consumer, TransportError> {
        let mut ear = Ear {
            caller: self.caller.clone(),
            pending: Arc::clone(&self.pending),
            uploads: Arc::clone(&self.uploads),
            metrics: self.metrics.clone(),
            hear: Arc::clone(hear),
            next: Arc::clone(next),
            place: place.clone(),
            expected: match start {
                Start::At(offset) => offset,
                Start::Beginning | Start::Since(_) | Start::End => 0,
            },
            alone: true,
        };
        let inlet = move |event: Event| match event {
            Event::Records(batch) => batch.into_iter().for_each(|record| ear.take(record)),
            Event::Troubled(reason) => tracing::debug!(reason, "reply inbox in trouble"),
            Event::Assigned(_) | Event::Revoked(_) | Event::Closed => {}
        };
        self.transport
            .read(place.clone(), start, Box::new(inlet))
            .await
    }

    fn ping(&self, place: &TopicPartition, nonce: u64) {
        let ping = Control::Ping {
            caller: self.caller.clone(),
            nonce,
        };
        let record = Outgoing {
            topic: Arc::clone(&place.topic),
            partition: Some(place.partition),
            envelope: ping.to_envelope(),
        };
        self.transport.send(&record, Ack::ignored());
    }
}

/// What hears the inbox's records, on the reader's own thread: a reply reaches
/// its waiter without passing through another task.
struct Ear {
    caller: CallerId,
    pending: Arc<Pending>,
    uploads: Arc<Uploads>,
    metrics: Metrics,
    hear: Arc<watch::Sender<u64>>,
    next: Arc<AtomicI64>,
    place: TopicPartition,
    /// No record can come from before this offset, unless the log is a new one.
    expected: i64,
    /// No other instance has been heard here.
    alone: bool,
}

impl Ear {
    fn take(&mut self, received: Received) {
        let offset = received.origin.offset;
        if offset < self.expected {
            tracing::warn!(partition = %self.place, "the reply topic was made anew");
            self.pending.break_off();
        }
        self.expected = offset + 1;
        self.next.store(self.expected, Ordering::Relaxed);
        let headers = &received.envelope.headers;
        if headers.contains(names::CONTROL) {
            if let Some(control) = Control::parse(headers) {
                self.obey(control);
            }
            return;
        }
        let Some(head) = ReplyHead::parse(headers) else {
            return;
        };
        // Another caller on the same partition, or an earlier life of ours.
        if head.caller.as_ref().is_some_and(|of| *of != self.caller) {
            return;
        }
        if self.pending.route(head, received.envelope) == Routed::Late {
            self.metrics.client().late_reply();
        }
    }

    fn obey(&mut self, control: Control) {
        match control {
            Control::Ping { caller, nonce } if caller == self.caller => {
                self.hear.send_replace(nonce);
            }
            Control::Ping { caller, .. } if self.alone => {
                self.alone = false;
                tracing::warn!(
                    partition = %self.place,
                    %caller,
                    "another instance listens on this reply partition, and each reads the \
                     other's replies: give the topic a partition for each instance"
                );
            }
            Control::Credit {
                correlation_id,
                caller,
                bytes,
                ..
            } if caller == self.caller => self.uploads.credit(&correlation_id, bytes),
            _ => {}
        }
    }
}

/// Pings while the client lives, and reads anew when the pings stay away.
struct Keeper {
    wiring: Wiring,
    place: TopicPartition,
    /// The inbox's, told where requests ask to be answered.
    partition: Arc<AtomicI32>,
    hear: Arc<watch::Sender<u64>>,
    heard: watch::Receiver<u64>,
    /// Where a new reader goes on: what came while the inbox was deaf is an
    /// answer to somebody too.
    next: Arc<AtomicI64>,
    reader: Consumer,
}

impl Keeper {
    async fn run(mut self) {
        let stop = self.wiring.stop.clone();
        let mut ticks = interval(PING_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut sent = 1;
        let mut seen = 1;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = ticks.tick() => {}
            }
            let heard = *self.heard.borrow();
            seen = seen.max(heard);
            if heard > 0 {
                self.wiring.health.ready();
            }
            if sent - seen >= u64::from(MISSES) {
                tracing::warn!(partition = %self.place, "reply inbox is deaf; reading anew");
                self.hear.send_replace(0);
                let reason = format!("its last {MISSES} pings did not come back");
                self.wiring.health.not_ready(reason);
                self.wiring.metrics.client().inbox_rebuilt();
                self.rebuild().await;
                seen = sent;
            }
            sent += 1;
            self.wiring.ping(&self.place, sent);
        }
        self.reader.close(CLOSE).await;
    }

    async fn rebuild(&mut self) {
        let start = Start::At(self.next.load(Ordering::Relaxed));
        let read = self.wiring.read(&self.place, start, &self.hear, &self.next);
        let error = match read.await {
            Ok(reader) => {
                let old = std::mem::replace(&mut self.reader, reader);
                old.close(CLOSE).await;
                return;
            }
            Err(error) => error,
        };
        tracing::warn!(%error, "reply inbox still deaf");
        if error.is_missing_topic() {
            self.wiring.pending.break_off();
            self.move_house().await;
        }
    }

    /// A topic that was made anew may have fewer partitions than the old one.
    async fn move_house(&mut self) {
        let transport = &*self.wiring.transport;
        let asked = transport.topics(&[Arc::clone(&self.place.topic)]).await;
        let topic = asked.ok().and_then(|states| states.into_iter().next()?);
        let Some(topic) = topic.filter(|topic| topic.partitions <= self.place.partition) else {
            return;
        };
        self.place = place::choose(transport, &topic, RECENTLY).await;
        self.partition
            .store(self.place.partition, Ordering::Relaxed);
        self.next.store(0, Ordering::Relaxed);
    }
}
