//! A consumer's task, and how it is steered.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::Shared;
use super::broker::{SessionId, Step};
use super::group::Committed;
use super::session::Session;
use super::transactions::Transactor;
use crate::transport::{
    Consumer, ConsumerControl, Event, Inlet, Note, Revocation, TopicPartition, Transactions,
    TransportError,
};

/// How long the group waits for revoked partitions to be let go.
pub const REVOKE_BOUND: Duration = Duration::from_secs(15);

/// How often its loop turns where nothing happens.
const TURN: Duration = Duration::from_secs(1);

/// Starts the task of consumer `id`.
pub(super) fn start(
    broker: Shared,
    id: SessionId,
    signal: Arc<Notify>,
    inlet: Box<dyn Inlet>,
) -> Consumer {
    let task = TaskTracker::new();
    let owner = Owner {
        broker: Arc::clone(&broker),
        id,
        signal,
        inlet,
    };
    let span = tracing::debug_span!(target: "ipc::memory", "consumer", id = id.0);
    task.spawn(owner.run().instrument(span));
    task.close();
    Consumer::new(Arc::new(Control { broker, id, task }))
}

/// Reports to the inlet, as the owner thread of a Kafka consumer does.
struct Owner {
    broker: Shared,
    id: SessionId,
    signal: Arc<Notify>,
    inlet: Box<dyn Inlet>,
}

impl Owner {
    async fn run(mut self) {
        let mut timer = pin!(sleep_until(Instant::now()));
        let mut turn_by = Instant::now();
        loop {
            let now = Instant::now();
            if now >= turn_by {
                self.inlet.turned();
                turn_by = now + TURN;
            }
            let step = self.broker.lock().step(self.id, now);
            match step {
                Step::Report(event) => {
                    self.inlet.take(event);
                    // Whoever asked for a pause meanwhile is heard before the next batch.
                    tokio::task::yield_now().await;
                }
                Step::AtEnd => self.inlet.at_end(),
                Step::Revoke(partitions) => self.revoke(partitions).await,
                Step::Wait(until) => {
                    let until = until.map_or(turn_by, |until| until.min(turn_by));
                    if timer.deadline() != until {
                        timer.as_mut().reset(until);
                    }
                    tokio::select! {
                        biased;
                        () = self.signal.notified() => {}
                        () = &mut timer => {}
                    }
                }
                Step::End => return self.inlet.take(Event::Closed),
                Step::Vanish => return,
            }
        }
    }

    /// Reports a revocation and waits until it is dropped. Like a Kafka consumer
    /// it reads nothing else meanwhile.
    async fn revoke(&mut self, partitions: Vec<TopicPartition>) {
        let bound = Instant::now() + REVOKE_BOUND;
        let (release, mut released) = oneshot::channel();
        self.inlet.take(Event::Revoked(Revocation::new(
            partitions.clone(),
            false,
            move || {
                // Nobody waits any more once the bound has passed.
                let _ = release.send(());
            },
        )));
        loop {
            let closing = self.broker.lock().session(self.id).map(|s| s.closing());
            let Some(closing) = closing else {
                return;
            };
            let until = closing.map_or(bound, |by| by.min(bound));
            let wake = until.min(Instant::now() + TURN);
            tokio::select! {
                biased;
                _ = &mut released => break,
                () = self.signal.notified() => {}
                () = sleep_until(wake) => self.inlet.turned(),
            }
            if Instant::now() >= until {
                break;
            }
        }
        self.broker.lock().release(self.id, &partitions);
    }
}

struct Control {
    broker: Shared,
    id: SessionId,
    task: TaskTracker,
}

impl Control {
    fn with_session(&self, act: impl FnOnce(&mut Session)) {
        // A consumer that has ended needs no steering.
        if let Some(session) = self.broker.lock().session(self.id) {
            act(session);
        }
    }

    fn commit_now<C: Clone + Into<Committed>>(
        &self,
        offsets: &[(TopicPartition, C)],
    ) -> Result<(), TransportError> {
        let mut broker = self.broker.lock();
        let transactional = |session: &mut Session| session.transactional;
        if broker.session(self.id).is_some_and(transactional) {
            return Err(TransportError::other(
                "offsets not committed: transactions commit those of this consumer",
            ));
        }
        match broker.commit(self.id, offsets) {
            true => Ok(()),
            false => Err(TransportError::other(
                "offsets not committed: a partition is not assigned any more",
            )),
        }
    }
}

#[async_trait]
impl ConsumerControl for Control {
    fn pause(&self, partitions: Vec<TopicPartition>) {
        self.with_session(|session| session.set_paused(&partitions, true));
    }

    fn resume(&self, partitions: Vec<TopicPartition>) {
        self.with_session(|session| session.set_paused(&partitions, false));
    }

    fn store(&self, offsets: &[(TopicPartition, i64)]) {
        self.with_session(|session| {
            if !session.transactional {
                session.store(offsets);
            }
        });
    }

    async fn commit(&self, offsets: &[(TopicPartition, i64)]) -> Result<(), TransportError> {
        self.commit_now(offsets)
    }

    async fn commit_noted(&self, notes: &[Note]) -> Result<(), TransportError> {
        let noted = notes.iter();
        let noted = noted.map(|note| (note.partition.clone(), Committed::from(note)));
        self.commit_now(&noted.collect::<Vec<_>>())
    }

    async fn notes(&self, partitions: &[TopicPartition]) -> Result<Vec<String>, TransportError> {
        let notes = self.broker.lock().notes(self.id, partitions);
        notes.ok_or_else(|| TransportError::other("the consumer has ended"))
    }

    async fn transactions(&self, _id: &str) -> Result<Arc<dyn Transactions>, TransportError> {
        self.with_session(|session| session.transactional = true);
        Ok(Arc::new(Transactor {
            broker: Arc::clone(&self.broker),
            id: self.id,
        }))
    }

    async fn close(&self, within: Duration) {
        self.broker.lock().close(self.id, Instant::now() + within);
        if timeout(within, self.task.wait()).await.is_err() {
            tracing::warn!(target: "ipc::memory", ?within, "consumer still closing");
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let by = Instant::now() + REVOKE_BOUND;
        self.broker.lock().close(self.id, by);
    }
}
