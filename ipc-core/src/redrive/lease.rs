//! One run at a time decides for the letters of a partition.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::transport::{
    Consumer, Event, Revocation, Subscription, TopicPartition, Transport, TransportError,
};

/// How long leaving the group may take.
const LEAVE: Duration = Duration::from_secs(5);

/// Membership of the group in which a dead-letter topic is redriven. The group gives
/// each partition to one run; nothing is read through it, and nothing committed.
pub(super) struct Lease {
    group: Arc<str>,
    consumer: Consumer,
    held: Arc<Held>,
}

#[derive(Default)]
struct Held {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Default)]
struct State {
    /// Ours, and not begun.
    given: VecDeque<TopicPartition>,
    /// The one that is worked on.
    current: Option<TopicPartition>,
    /// Asks for the current one, and waits.
    leaving: Option<Revocation>,
    /// Why nothing is given, as far as it is told.
    trouble: Option<String>,
}

impl Held {
    fn take(&self, event: Event) {
        let mut state = self.state.lock();
        match event {
            Event::Assigned(partitions) => state.given.extend(partitions),
            Event::Revoked(revocation) => {
                let taken = |partition: &TopicPartition| revocation.partitions.contains(partition);
                state.given.retain(|partition| !taken(partition));
                if state.current.as_ref().is_some_and(taken) {
                    state.leaving = Some(revocation);
                }
            }
            Event::Troubled(reason) => state.trouble = Some(reason),
            Event::Records(_) | Event::Closed => return,
        }
        drop(state);
        self.news.notify_one();
    }

    fn begin(&self) -> Option<TopicPartition> {
        let mut state = self.state.lock();
        state.current = state.given.pop_front();
        state.current.clone()
    }

    fn finish(&self) {
        let leaving = {
            let mut state = self.state.lock();
            state.current = None;
            state.leaving.take()
        };
        // The group goes on at once, and may report within.
        drop(leaving);
    }
}

impl Lease {
    pub(super) async fn join(
        transport: &dyn Transport,
        topic: &Arc<str>,
    ) -> Result<Self, TransportError> {
        let group: Arc<str> = format!("{topic}.redrive").into();
        let subscription = Subscription {
            group: Arc::clone(&group),
            topics: vec![Arc::clone(topic)],
        };
        let held = Arc::new(Held::default());
        let told = Arc::clone(&held);
        let inlet = Box::new(move |event| told.take(event));
        Ok(Self {
            consumer: transport.subscribe(subscription, inlet).await?,
            group,
            held,
        })
    }

    /// The next partition that is ours, which is then worked on until
    /// [`finish`](Self::finish).
    pub(super) async fn next(&self) -> TopicPartition {
        loop {
            if let Some(partition) = self.held.begin() {
                // What comes by way of the group is read by nobody.
                self.consumer.pause(vec![partition.clone()]);
                return partition;
            }
            self.held.news.notified().await;
        }
    }

    /// What to say when these do not become ours.
    pub(super) fn denied<'a>(
        &self,
        partitions: impl Iterator<Item = &'a TopicPartition>,
    ) -> TransportError {
        let partitions: Vec<String> = partitions.map(ToString::to_string).collect();
        let (group, partitions) = (&self.group, partitions.join(", "));
        TransportError::other(match self.held.state.lock().trouble.take() {
            Some(trouble) => {
                format!("group {group} cannot give {partitions} to this run: {trouble}")
            }
            None => format!(
                "another run has {partitions}: wait until it has ended, and start this one again \
                 (group {group} gives each partition to one run)"
            ),
        })
    }

    /// Whether another run is to have the partition that is worked on.
    pub(super) fn is_leaving(&self) -> bool {
        self.held.state.lock().leaving.is_some()
    }

    /// The partition that was worked on is done with.
    pub(super) fn finish(&self) {
        self.held.finish();
    }

    pub(super) async fn leave(self) {
        self.held.finish();
        self.consumer.close(LEAVE).await;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.held.finish();
    }
}
