//! The handles through which a consumer and a reply inbox report.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::time::Instant;

use super::State;
use super::facts::{Consumer, Inbox};

/// What a reply inbox is to the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// It is what the process serves with: a gateway's.
    Serves,
    /// Handlers make calls of their own through it.
    Assists,
}

/// A consumer's own report. It counts until this is dropped.
#[derive(Debug)]
pub struct ConsumerHealth {
    state: Arc<State>,
    id: u64,
}

impl ConsumerHealth {
    pub(super) fn new(state: &Arc<State>, topics: Arc<str>, now: Instant) -> Self {
        let mut known = state.known.lock();
        let id = known.id();
        let consumer = Consumer {
            topics,
            polled: now,
            away: Some((now, "not reached yet".into())),
            assigned: None,
            paused: BTreeSet::new(),
            stopped: BTreeMap::new(),
        };
        known.consumers.insert(id, consumer);
        Self {
            state: Arc::clone(state),
            id,
        }
    }

    /// The poll loop turned.
    pub fn polled(&self, now: Instant) {
        self.update(|consumer| consumer.polled = now);
    }

    /// A broker answers.
    pub fn reachable(&self) {
        self.update(|consumer| consumer.away = None);
    }

    /// No broker has answered since then. Until one does, the first report says
    /// when that began.
    pub fn unreachable(&self, since: Instant, reason: impl Into<Cow<'static, str>>) {
        self.update(|consumer| {
            let since = consumer.away.as_ref().map_or(since, |(began, _)| *began);
            consumer.away = Some((since, reason.into()));
        });
    }

    /// So many partitions are assigned now.
    pub fn assigned(&self, partitions: usize) {
        self.update(|consumer| consumer.assigned = Some(partitions));
    }

    /// A partition is paused until the guard is dropped, for a reason fit to be
    /// shown.
    pub fn paused(
        &self,
        topic: &Arc<str>,
        partition: i32,
        reason: &'static str,
    ) -> PausedPartition {
        let place = (Arc::clone(topic), partition, reason);
        self.update(|consumer| {
            consumer.paused.insert(place.clone());
        });
        PausedPartition {
            state: Arc::clone(&self.state),
            consumer: self.id,
            place,
        }
    }

    /// Something is not consumed until the guard is dropped: what it is and why, fit
    /// to be shown.
    pub fn stopped(&self, text: impl Into<Arc<str>>) -> StoppedConsumption {
        let mut known = self.state.known.lock();
        let id = known.id();
        if let Some(consumer) = known.consumers.get_mut(&self.id) {
            consumer.stopped.insert(id, text.into());
        }
        StoppedConsumption {
            state: Arc::clone(&self.state),
            consumer: self.id,
            id,
        }
    }

    fn update(&self, change: impl FnOnce(&mut Consumer)) {
        if let Some(consumer) = self.state.known.lock().consumers.get_mut(&self.id) {
            change(consumer);
        }
    }
}

impl Drop for ConsumerHealth {
    fn drop(&mut self) {
        self.state.known.lock().consumers.remove(&self.id);
    }
}

/// A partition that is not fetched, until this is dropped: it is fetched again,
/// or is not ours any more.
#[derive(Debug)]
#[must_use = "the partition counts as fetched again when this is dropped"]
pub struct PausedPartition {
    state: Arc<State>,
    consumer: u64,
    place: (Arc<str>, i32, &'static str),
}

impl Drop for PausedPartition {
    fn drop(&mut self) {
        let mut known = self.state.known.lock();
        if let Some(consumer) = known.consumers.get_mut(&self.consumer) {
            consumer.paused.remove(&self.place);
        }
    }
}

/// Consumption that somebody has stopped, until this is dropped.
#[derive(Debug)]
#[must_use = "consumption counts as going on when this is dropped"]
pub struct StoppedConsumption {
    state: Arc<State>,
    consumer: u64,
    id: u64,
}

impl Drop for StoppedConsumption {
    fn drop(&mut self) {
        let mut known = self.state.known.lock();
        if let Some(consumer) = known.consumers.get_mut(&self.consumer) {
            consumer.stopped.remove(&self.id);
        }
    }
}

/// A reply inbox's own report. It counts until this is dropped.
#[derive(Debug)]
pub struct InboxHealth {
    state: Arc<State>,
    id: u64,
}

impl InboxHealth {
    pub(super) fn new(state: &Arc<State>, topic: Arc<str>, role: Role) -> Self {
        let mut known = state.known.lock();
        let id = known.id();
        let inbox = Inbox {
            topic,
            role,
            fault: Some("being set up".into()),
        };
        known.inboxes.insert(id, inbox);
        Self {
            state: Arc::clone(state),
            id,
        }
    }

    /// Its ping came back.
    pub fn ready(&self) {
        self.update(None);
    }

    /// It cannot be relied on, and why.
    pub fn not_ready(&self, reason: impl Into<Cow<'static, str>>) {
        self.update(Some(reason.into()));
    }

    fn update(&self, fault: Option<Cow<'static, str>>) {
        if let Some(inbox) = self.state.known.lock().inboxes.get_mut(&self.id) {
            inbox.fault = fault;
        }
    }
}

impl Drop for InboxHealth {
    fn drop(&mut self) {
        self.state.known.lock().inboxes.remove(&self.id);
    }
}
