//! Bugs between an instance and its transport.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

use super::Bug;
use super::transactions::Apart;
use crate::envelope::names;
use crate::testing::model::history::Retries;
use crate::transport::memory::MemoryCluster;
use crate::transport::{
    Ack, Consumer, ConsumerDecorator, Event, Inlet, Outgoing, Placed, Start, Subscription, Tap,
    TopicPartition, Transactions, Transport, TransportDecorator, TransportError,
};

pub(super) struct Planted {
    inner: Arc<dyn Transport>,
    cluster: MemoryCluster,
    bug: Bug,
    sent: AtomicU32,
    last_body: Mutex<Option<Bytes>>,
}

impl Planted {
    pub(super) fn new(inner: Arc<dyn Transport>, cluster: MemoryCluster, bug: Bug) -> Self {
        Self {
            inner,
            cluster,
            bug,
            sent: AtomicU32::new(0),
            last_body: Mutex::new(None),
        }
    }

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
        let is_retry = headers.contains(names::RETRY_DUE);
        let is_own = record.envelope.key.as_deref() == Some(b"owner");
        let is_lost = match self.bug {
            Bug::LosesReplies => is_reply && self.it_is_time(),
            Bug::LosesRequests => is_request && self.it_is_time(),
            Bug::LosesLetters => is_letter,
            Bug::LosesCancels => headers.get_str(names::CONTROL) == Some("cancel"),
            Bug::LosesRetries => is_retry,
            // Not what an owner writes to itself.
            Bug::LosesMarks => is_dedup(&record.topic) && !is_own,
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
        if is_retry && matches!(self.bug, Bug::ForgetsAttempts | Bug::SkipsAttempts) {
            let headers = &mut record.envelope.headers;
            headers.retain(|header| &*header.name != names::ATTEMPT);
            if self.bug == Bug::SkipsAttempts {
                headers.push_static(names::ATTEMPT, Retries::ATTEMPTS.to_string());
            }
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
        let group = Arc::clone(&subscription.group);
        let steering = Arc::new(OnceLock::new());
        let inlet = self.inlet(inlet, Arc::clone(&steering));
        let consumer = self.inner.subscribe(subscription, inlet).await?;
        let consumer = Arc::new(consumer);
        // Set once, here.
        let _ = steering.set(Arc::clone(&consumer));
        Ok(Consumer::new(Arc::new(PlantedControl {
            consumer,
            cluster: self.cluster.clone(),
            group,
            bug: self.bug,
        })))
    }

    async fn read(
        &self,
        from: TopicPartition,
        start: Start,
        inlet: Box<dyn Inlet>,
    ) -> Result<Consumer, TransportError> {
        let start = match self.bug {
            Bug::RestoresNothing if is_dedup(&from.topic) => Start::End,
            Bug::ForgetsParked if from.topic.ends_with(".parked") => Start::End,
            _ => start,
        };
        self.inner.read(from, start, inlet).await
    }
}

/// Whether a topic is that of a store in the log.
fn is_dedup(topic: &str) -> bool {
    topic.ends_with(".dedup")
}

struct PlantedControl {
    consumer: Arc<Consumer>,
    cluster: MemoryCluster,
    group: Arc<str>,
    bug: Bug,
}

#[async_trait]
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
        let changed: Vec<_> = changed.collect();
        self.consumer.store(&changed);
        if self.bug == Bug::UnfencedZombie {
            self.cluster.commit_unfenced(&self.group, &changed);
        }
    }

    async fn transactions(&self, id: &str) -> Result<Arc<dyn Transactions>, TransportError> {
        let transactions = self.consumer.transactions(id).await?;
        if self.bug != Bug::CommitsApart {
            return Ok(transactions);
        }
        Ok(Arc::new(Apart {
            transactions,
            cluster: self.cluster.clone(),
            group: Arc::clone(&self.group),
        }))
    }
}
