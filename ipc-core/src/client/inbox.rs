//! The partition this instance reads its replies from, and the proof that it does.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::pending::{Pending, Routed};
use super::upload::Uploads;
use crate::envelope::control::Control;
use crate::envelope::{CallerId, ReplyHead, names};
use crate::metrics::Metrics;
use crate::transport::{
    Ack, Consumer, Event, Outgoing, Received, Start, TopicPartition, Transport, TransportError,
};

/// Between two pings.
const PING_EVERY: Duration = Duration::from_secs(1);
/// Pings that may be missing before the inbox counts as deaf.
const MISSES: u64 = 3;
/// How long closing a reader may take.
const CLOSE: Duration = Duration::from_secs(2);

/// Reads replies without a consumer group: the partition is assigned, from an
/// offset settled beforehand, and a ping that came back proves it.
pub(super) struct Inbox {
    pub(super) place: TopicPartition,
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
        let inbox = Self {
            place: place.clone(),
            heard: heard.clone(),
        };
        let keeper = Keeper {
            wiring,
            place,
            hear,
            heard,
            next,
            reader,
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(keeper.run());
        Ok((inbox, tasks))
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
        let ear = Ear {
            caller: self.caller.clone(),
            pending: Arc::clone(&self.pending),
            uploads: Arc::clone(&self.uploads),
            metrics: self.metrics.clone(),
            hear: Arc::clone(hear),
            next: Arc::clone(next),
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
}

impl Ear {
    fn take(&self, received: Received) {
        let next = received.origin.offset + 1;
        self.next.store(next, Ordering::Relaxed);
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

    fn obey(&self, control: Control) {
        match control {
            Control::Ping { caller, nonce } if caller == self.caller => {
                self.hear.send_replace(nonce);
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
            if sent - seen >= MISSES {
                tracing::warn!(partition = %self.place, "reply inbox is deaf; reading anew");
                self.hear.send_replace(0);
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
        match read.await {
            Ok(reader) => {
                let old = std::mem::replace(&mut self.reader, reader);
                old.close(CLOSE).await;
            }
            Err(error) => tracing::warn!(%error, "reply inbox still deaf"),
        }
    }
}
