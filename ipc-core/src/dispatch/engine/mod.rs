//! The task that turns a consumer's events into finished records.
//!
//! It alone owns partitions, lanes, gates and offsets, so none of them needs a
//! lock. Records are handed out to be handled and come back as [`Report`]s.

mod arrivals;
mod commits;
mod finish;
mod leaving;
mod parking;
mod steps;
mod stops;
mod suspects;
mod tiers;

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::future::ready;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use slab::Slab;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};
use tokio_util::sync::DropGuard;
use tokio_util::time::DelayQueue;
use tower::Service;

use self::leaving::Leaving;
use self::steps::Step;
use super::assembler::Assembler;
use super::assignment::Assignment;
use super::batch::{Batches, Call};
use super::cancelled::Cancelled;
use super::gates::Gates;
use super::idle::Share;
use super::intake::Intake;
use super::job::Job;
use super::moment::Moment;
use super::parking::ParkedTopics;
use super::partition::Partition;
use super::partitions::Partitions;
use super::report::Input;
use super::valve::Valve;
use super::work::{Work, Workshop};
use super::worker;
use super::{Delivery, Limits, Outcome};
use crate::envelope::UnixMillis;
use crate::health::ConsumerHealth;
use crate::metrics::Metrics;
use crate::transport::Event;

/// Inputs taken at once: they share what follows.
const AT_ONCE: usize = 256;
/// Records handed out to one task at most.
const BATCH: usize = 32;
/// For so long a report may lie that nothing waits for: its offset is stored as much
/// later.
const COLLECT: Duration = Duration::from_millis(50);

/// Whoever asks for more waits so long and asks again: a timer reaches no further
/// than two years.
const FARTHEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What is left of a job while it is handed out.
struct Started {
    job: Job,
    /// Whether a follower of its lane has its permits after it.
    hands_on: bool,
}

/// What comes up again when its time has come.
enum Later {
    /// A record that waits in its lane.
    Job(Job),
    /// The next record of a retry topic's partition.
    Head(Assignment),
    /// A call that waits for the valve, by its number there.
    Held(u64),
}

/// Dispatches the records of one consumer to `S`.
pub(crate) struct Engine<S> {
    service: S,
    intake: Intake,
    limits: Limits,
    health: Arc<ConsumerHealth>,
    assigned: watch::Sender<BTreeSet<i32>>,
    metrics: Metrics,
    partitions: Partitions,
    gates: Gates,
    valve: Valve,
    steps: VecDeque<Step>,
    /// Records that can be handled now, until this turn ends.
    ready: Vec<Work>,
    /// By ticket.
    started: Slab<Started>,
    shop: Arc<Workshop>,
    /// Gives up what still runs when the engine ends.
    _close: DropGuard,
    /// How many handlers can run at the same moment.
    parallelism: usize,
    /// When this turn began.
    turn: Instant,
    /// The same by the wall clock, once somebody asked.
    wall: Option<UnixMillis>,
    delayed: DelayQueue<Later>,
    revocations: Vec<Leaving>,
    cancelled: Cancelled,
    assembler: Assembler,
    /// The partitions whose offset to be stored has moved.
    moved: Vec<Assignment>,
    /// Where every offset is committed by transactions.
    batches: Option<Batches>,
    draining: Option<Instant>,
    /// The record that is handled alone, of partitions whose owners died.
    alone: Option<(Assignment, i64)>,
    /// Where records are parked, if any endpoint asks for that.
    parked_topics: Option<ParkedTopics>,
}

impl<S> Engine<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    pub(crate) fn new(
        service: S,
        intake: Intake,
        shop: Workshop,
        limits: Limits,
        health: Arc<ConsumerHealth>,
        assigned: watch::Sender<BTreeSet<i32>>,
        metrics: Metrics,
    ) -> Self {
        Self {
            service,
            intake,
            gates: Gates::new(&limits),
            valve: Valve::default(),
            limits,
            health,
            assigned,
            metrics,
            partitions: Partitions::default(),
            steps: VecDeque::new(),
            ready: Vec::new(),
            started: Slab::new(),
            _close: shop.closed.clone().drop_guard(),
            shop: Arc::new(shop),
            parallelism: 1,
            turn: Instant::now(),
            wall: None,
            delayed: DelayQueue::new(),
            revocations: Vec::new(),
            cancelled: Cancelled::default(),
            assembler: Assembler::default(),
            moved: Vec::new(),
            batches: None,
            draining: None,
            alone: None,
            parked_topics: None,
        }
    }

    /// The same, where records are parked in these topics.
    pub(crate) fn with_parking(mut self, topics: Option<ParkedTopics>) -> Self {
        self.parked_topics = topics;
        self
    }

    /// Runs until it is drained. What does not finish within the drain bound is
    /// left to the next member of the group.
    pub(crate) async fn run(mut self, mut inputs: mpsc::UnboundedReceiver<Input>) {
        self.parallelism = tokio::runtime::Handle::current().metrics().num_workers();
        let mut taken = Vec::with_capacity(AT_ONCE);
        let mut reports = Vec::new();
        let mut collection = pin!(sleep(COLLECT));
        // Whether reports that nothing waits for are collected when that ends.
        let mut collects = false;
        loop {
            let bound = self.next_bound();
            let mut due = None;
            let mut late = false;
            let mut called = None;
            // The first report since the last collection is taken at once, so that
            // nobody wakes for a collection while nothing happens.
            let missed = self
                .shop
                .basket
                .await_any(!collects || self.awaits_reports());
            tokio::select! {
                biased;
                () = ready(()), if missed => {}
                _ = inputs.recv_many(&mut taken, AT_ONCE) => {}
                () = &mut collection, if collects => collects = false,
                call = call(&mut self.batches), if self.batches.is_some() => called = Some(call),
                later = self.delayed.next(), if !self.delayed.is_empty() => due = later,
                () = sleep_until(bound) => late = true,
            }
            self.turn = Instant::now();
            self.wall = None;
            self.shop.basket.take(&mut reports);
            if !reports.is_empty() && !collects {
                collects = true;
                collection.as_mut().reset(self.turn + COLLECT);
            }
            for report in reports.drain(..) {
                self.reported(report);
            }
            for input in taken.drain(..) {
                self.take(input);
            }
            if let Some(due) = due {
                match due.into_inner() {
                    Later::Job(job) => self.admit(job),
                    Later::Head(assignment) => self.head_due(assignment),
                    Later::Held(number) => self.held_for_long(number),
                }
            }
            if let Some(call) = called {
                self.called(call);
            }
            if late {
                self.give_up_late();
            }
            self.step();
            self.hand_out();
            self.store();
            self.depart();
            if self.is_drained() {
                break;
            }
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Event(event, _queued) => self.consumed(event),
            Input::Look => {}
            Input::Cancel(id) => self.cancel(id),
            Input::Turn(turn) => self.turn(turn),
            Input::Obeyed(teller, obeyed) => drop(teller.send_replace(obeyed)),
            Input::Noted(noted) => self.noted(noted),
            Input::Parked(told) => self.parked(told),
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
            .get(job.record.assignment)
            .filter(|partition| !partition.leaving)
    }

    fn wait(&mut self, later: Later, after: Duration) {
        self.delayed.insert(later, after.min(FARTHEST));
    }

    /// When this turn began.
    fn now(&mut self) -> Moment {
        let replier = &self.shop.replier;
        Moment {
            at: self.turn,
            wall: *self.wall.get_or_insert_with(|| replier.now()),
        }
    }

    /// Hands out what can be handled now, to as many tasks as run at the same
    /// moment.
    fn hand_out(&mut self) {
        if self.ready.is_empty() {
            return;
        }
        let since = self.now();
        let share = self.ready.len().div_ceil(self.parallelism).clamp(1, BATCH);
        while !self.ready.is_empty() {
            let mut count = share.min(self.ready.len());
            while self.ready.get(count).is_some_and(|work| work.follows) {
                count += 1;
            }
            let mut works = self.shop.idle.works();
            works.extend(self.ready.drain(..count));
            worker::begin(&self.shop, &self.service, Share { works, since });
        }
    }
}

async fn call(batches: &mut Option<Batches>) -> Call {
    match batches {
        Some(batches) => batches.call().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(bound: Option<Instant>) {
    match bound {
        Some(bound) => tokio::time::sleep_until(bound).await,
        None => std::future::pending().await,
    }
}
