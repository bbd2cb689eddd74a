//! The task that turns a consumer's events into finished records.
//!
//! It alone owns partitions, lanes, gates and offsets, so none of them needs a
//! lock. Handlers run on tasks of their own and come back as [`Finished`].

mod arrivals;
mod finish;
mod leaving;
mod place;
mod steps;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;

use futures_util::StreamExt as _;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;
use tokio_util::time::DelayQueue;
use tower::Service;

use self::leaving::Leaving;
use self::place::{Place, Started};
use self::steps::Step;
use super::assembler::Assembler;
use super::backlog::Queued;
use super::cancelled::Cancelled;
use super::gates::Gates;
use super::intake::Intake;
use super::job::Job;
use super::partition::Partition;
use super::replier::Replier;
use super::run::Finished;
use super::{Delivery, Limits, Outcome};
use crate::envelope::CorrelationId;
use crate::health::ConsumerHealth;
use crate::metrics::Metrics;
use crate::transport::{Consumer, Event, TopicPartition};

/// What the engine is told.
#[derive(Debug)]
pub(crate) enum Input {
    /// By its consumer. What is queued stays so until it has been dealt with.
    Event(Event, Queued),
    /// By a caller that gave up.
    Cancel(CorrelationId),
    /// By its service: finish what runs, start nothing, end.
    Drain,
}

/// Where an engine's records come from, and who is told of it.
pub(crate) struct Feed {
    pub(crate) consumer: Arc<Consumer>,
    pub(crate) health: Arc<ConsumerHealth>,
    /// The partition numbers assigned now, for whoever tells callers.
    pub(crate) assigned: watch::Sender<BTreeSet<i32>>,
}

/// Dispatches the records of one consumer to `S`.
pub(crate) struct Engine<S> {
    service: S,
    intake: Intake,
    replier: Arc<Replier>,
    limits: Limits,
    consumer: Arc<Consumer>,
    health: Arc<ConsumerHealth>,
    assigned: watch::Sender<BTreeSet<i32>>,
    metrics: Metrics,
    partitions: BTreeMap<TopicPartition, Partition>,
    epochs: u64,
    gates: Gates,
    steps: VecDeque<Step>,
    running: JoinSet<Finished>,
    started: HashMap<Id, Started>,
    /// Jobs that wait for *not now* to pass; they keep their lanes.
    delayed: DelayQueue<Job>,
    revocations: Vec<Leaving>,
    cancelled: Cancelled,
    assembler: Assembler,
    /// The next offset to process of each partition in which that has moved.
    moved: BTreeMap<TopicPartition, i64>,
    draining: Option<Instant>,
}

impl<S> Engine<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    pub(crate) fn new(
        service: S,
        intake: Intake,
        replier: Arc<Replier>,
        limits: Limits,
        feed: Feed,
        metrics: Metrics,
    ) -> Self {
        let Feed {
            consumer,
            health,
            assigned,
        } = feed;
        Self {
            service,
            intake,
            replier,
            gates: Gates::new(&limits),
            limits,
            consumer,
            health,
            assigned,
            metrics,
            partitions: BTreeMap::new(),
            epochs: 0,
            steps: VecDeque::new(),
            running: JoinSet::new(),
            started: HashMap::new(),
            delayed: DelayQueue::new(),
            revocations: Vec::new(),
            cancelled: Cancelled::default(),
            assembler: Assembler::default(),
            moved: BTreeMap::new(),
            draining: None,
        }
    }

    /// Runs until it is drained, or until its inputs end. What does not finish
    /// within the drain bound is left to the next member of the group.
    pub(crate) async fn run(mut self, mut inputs: mpsc::UnboundedReceiver<Input>) {
        loop {
            let bound = self.next_bound();
            tokio::select! {
                biased;
                Some(finished) = self.running.join_next_with_id() => {
                    self.finished(finished);
                    // The others that have ended share what follows.
                    while let Some(finished) = self.running.try_join_next_with_id() {
                        self.finished(finished);
                    }
                }
                input = inputs.recv() => match input {
                    Some(input) => self.take(input),
                    None => self.drain(),
                },
                Some(due) = self.delayed.next() => self.admit(due.into_inner()),
                () = sleep_until(bound) => self.give_up_late(),
            }
            self.step();
            self.store();
            if self.is_drained() {
                break;
            }
        }
        self.running.abort_all();
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Event(event, _queued) => self.consumed(event),
            Input::Cancel(id) => self.cancel(id),
            Input::Drain => self.drain(),
        }
    }

    fn consumed(&mut self, event: Event) {
        match event {
            Event::Records(batch) => self.receive(batch),
            Event::Assigned(partitions) => self.assign(partitions),
            Event::Revoked(revocation) => self.revoke(revocation),
            Event::Troubled(reason) => tracing::warn!(reason, "consumer in trouble"),
            Event::Closed => self.drain(),
        }
    }

    /// The job's partition, unless it has been reassigned or is leaving.
    fn current(&mut self, job: &Job) -> Option<&mut Partition> {
        self.partitions
            .get_mut(job.partition())
            .filter(|partition| partition.epoch == job.epoch && !partition.leaving)
    }

    /// The partition of that epoch, leaving or not.
    fn partition(&mut self, place: &Place) -> Option<&mut Partition> {
        self.partitions
            .get_mut(&place.partition)
            .filter(|partition| partition.epoch == place.epoch)
    }
}

async fn sleep_until(bound: Option<Instant>) {
    match bound {
        Some(bound) => tokio::time::sleep_until(bound).await,
        None => std::future::pending().await,
    }
}
