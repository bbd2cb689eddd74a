//! Bugs on purpose: what a checker does not find it cannot be trusted about.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

use crate::envelope::names;
use crate::store::{
    Claim, ClaimRequest, Claimed, Dedup, DedupStore, Effects, Fence, FinishError, MemoryStore,
    Needs, StoreError, StoredReply,
};
use crate::transport::{
    Ack, Consumer, ConsumerDecorator, Event, Inlet, Outgoing, Placed, Subscription, Tap,
    TopicPartition, Transport, TransportDecorator, TransportError,
};

/// A mistake that a framework like this one can make.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Bug {
    /// Offsets are stored when records arrive, not when they are finished.
    CommitsEarly,
    /// One record too many is stored as finished.
    SkipsARecord,
    /// Stored offsets move back.
    CommitsBackwards,
    /// A reply carries the body of the one before it.
    SwapsReplies,
    /// Some replies are acknowledged and not written.
    LosesReplies,
    /// Some requests are acknowledged and not written.
    LosesRequests,
    /// Dead letters are written twice.
    DoublesLetters,
    /// Dead letters are acknowledged and not written.
    LosesLetters,
    /// What was fetched together is handed over in the opposite order.
    TurnsOrder,
    /// Work counts as done when it is claimed.
    MarksEarly,
    /// Work never counts as done.
    NeverMarks,
    /// Claims do not keep others off.
    ClaimsNothing,
}

impl Bug {
    /// Every one.
    pub const ALL: &'static [Self] = &[
        Self::CommitsEarly,
        Self::SkipsARecord,
        Self::CommitsBackwards,
        Self::SwapsReplies,
        Self::LosesReplies,
        Self::LosesRequests,
        Self::DoublesLetters,
        Self::LosesLetters,
        Self::TurnsOrder,
        Self::MarksEarly,
        Self::NeverMarks,
        Self::ClaimsNothing,
    ];

    /// Plants it between an instance and its transport.
    pub(super) fn in_transport(self, inner: Arc<dyn Transport>) -> Arc<dyn Transport> {
        Arc::new(Planted {
            inner,
            bug: self,
            sent: AtomicU32::new(0),
            last_body: Mutex::new(None),
        })
    }

    /// Plants it between a caller and its transport, if it is one of callers.
    pub(super) fn in_callers_transport(self, inner: Arc<dyn Transport>) -> Arc<dyn Transport> {
        match self {
            Self::LosesRequests => self.in_transport(inner),
            _ => inner,
        }
    }

    /// Plants it in the dedup store.
    pub(super) fn in_store(self, store: MemoryStore) -> Dedup {
        Dedup::new(PlantedStore { store, bug: self })
    }
}

struct Planted {
    inner: Arc<dyn Transport>,
    bug: Bug,
    sent: AtomicU32,
    last_body: Mutex<Option<Bytes>>,
}

impl Planted {
    /// True for some of what is sent.
    fn it_is_time(&self) -> bool {
        self.sent.fetch_add(1, Ordering::Relaxed) % 5 == 4
    }

    /// The record as it is sent; `None` where it is only said to be.
    fn changed(&self, record: &Outgoing) -> Option<Outgoing> {
        let headers = &record.envelope.headers;
        let is_reply = headers.contains(names::STATUS);
        let is_letter = headers.contains(names::DLQ_REASON);
        let is_request = headers.contains(names::METHOD) && !is_letter;
        let is_lost = match self.bug {
            Bug::LosesReplies => is_reply && self.it_is_time(),
            Bug::LosesRequests => is_request && self.it_is_time(),
            Bug::LosesLetters => is_letter,
            _ => false,
        };
        if is_lost {
            return None;
        }
        let mut record = record.clone();
        if self.bug == Bug::SwapsReplies && is_reply {
            let body = record.envelope.payload.clone();
            let last = std::mem::replace(&mut *self.last_body.lock(), body);
            record.envelope.payload = last.or(record.envelope.payload);
        }
        if self.bug == Bug::DoublesLetters && is_letter {
            self.inner.send(&record, Ack::ignored());
        }
        Some(record)
    }

    /// What is fetched, as `inner` takes it.
    fn inlet(
        &self,
        inner: Box<dyn Inlet>,
        steering: Arc<OnceLock<Arc<Consumer>>>,
    ) -> Box<dyn Inlet> {
        let bug = self.bug;
        Box::new(Tap::new(inner, move |event| {
            let Event::Records(mut batch) = event else {
                return event;
            };
            match bug {
                Bug::CommitsEarly => {
                    let ends = batch.iter().map(|record| {
                        let origin = &record.origin;
                        (origin.partition.clone(), origin.offset + 1)
                    });
                    let ends: BTreeMap<_, _> = ends.collect();
                    if let Some(consumer) = steering.get() {
                        consumer.store(&ends.into_iter().collect::<Vec<_>>());
                    }
                }
                Bug::TurnsOrder => batch.reverse(),
                _ => {}
            }
            Event::Records(batch)
        }))
    }
}

#[async_trait]
impl TransportDecorator for Planted {
    fn inner(&self) -> &dyn Transport {
        &*self.inner
    }

    fn send(&self, record: &Outgoing, ack: Ack) {
        match self.changed(record) {
            Some(record) => self.inner.send(&record, ack),
            None => ack.settle(Ok(Placed {
                partition: 0,
                offset: 0,
            })),
        }
    }

    async fn subscribe(
        &self,
        subscription: Subscription,
        inlet: Box<dyn Inlet>,
    ) -> Result<Consumer, TransportError> {
        let steering = Arc::new(OnceLock::new());
        let inlet = self.inlet(inlet, Arc::clone(&steering));
        let consumer = self.inner.subscribe(subscription, inlet).await?;
        let consumer = Arc::new(consumer);
        // Set once, here.
        let _ = steering.set(Arc::clone(&consumer));
        let bug = self.bug;
        Ok(Consumer::new(Arc::new(PlantedControl { consumer, bug })))
    }
}

struct PlantedControl {
    consumer: Arc<Consumer>,
    bug: Bug,
}

impl ConsumerDecorator for PlantedControl {
    fn inner(&self) -> &Consumer {
        &self.consumer
    }

    fn store(&self, offsets: &[(TopicPartition, i64)]) {
        let changed = offsets.iter().map(|(partition, next)| {
            let next = match self.bug {
                Bug::SkipsARecord => next + 1,
                Bug::CommitsBackwards if next % 4 == 0 => (next - 3).max(0),
                _ => *next,
            };
            (partition.clone(), next)
        });
        self.consumer.store(&changed.collect::<Vec<_>>());
    }
}

#[derive(Debug)]
struct PlantedStore {
    store: MemoryStore,
    bug: Bug,
}

#[async_trait]
impl DedupStore for PlantedStore {
    fn name(&self) -> &'static str {
        "planted"
    }

    async fn check(&self, needs: &Needs) -> Result<(), Vec<String>> {
        self.store.check(needs).await
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        let mut request = request.clone();
        if self.bug == Bug::ClaimsNothing {
            request.lease = Duration::ZERO;
        }
        let claim = self.store.claim(&request).await?;
        let Claim::Granted(claimed) = claim else {
            return Ok(claim);
        };
        if self.bug != Bug::MarksEarly {
            let bug = self.bug;
            return Ok(Claim::Granted(Box::new(PlantedClaim { claimed, bug })));
        }
        let fence = claimed.fence();
        let work = request.id.key.rsplit(|byte| *byte == b' ').next();
        let reply = StoredReply::new(200, Vec::new(), work.unwrap_or_default().to_vec());
        // The first stores it for everyone.
        let _ = claimed.finish(&reply, Effects::Keep).await;
        Ok(Claim::Granted(Box::new(Marked(fence))))
    }
}

#[derive(Debug)]
struct PlantedClaim {
    claimed: Box<dyn Claimed>,
    bug: Bug,
}

#[async_trait]
impl Claimed for PlantedClaim {
    fn fence(&self) -> Fence {
        self.claimed.fence()
    }

    fn took_over(&self) -> bool {
        self.claimed.took_over()
    }

    async fn finish(
        self: Box<Self>,
        reply: &StoredReply,
        effects: Effects,
    ) -> Result<(), FinishError> {
        match self.bug {
            Bug::NeverMarks => {
                self.claimed.release().await;
                Ok(())
            }
            // Nobody is told that he was not alone.
            Bug::ClaimsNothing => {
                let _ = self.claimed.finish(reply, effects).await;
                Ok(())
            }
            _ => self.claimed.finish(reply, effects).await,
        }
    }

    async fn release(self: Box<Self>) {
        self.claimed.release().await;
    }
}

/// A claim on work that counts as done.
#[derive(Debug)]
struct Marked(Fence);

#[async_trait]
impl Claimed for Marked {
    fn fence(&self) -> Fence {
        self.0
    }

    fn took_over(&self) -> bool {
        false
    }

    async fn finish(self: Box<Self>, _: &StoredReply, _: Effects) -> Result<(), FinishError> {
        Ok(())
    }

    async fn release(self: Box<Self>) {}
}
