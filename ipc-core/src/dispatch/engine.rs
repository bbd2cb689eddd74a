//! The task that turns a consumer's events into finished records.
//!
//! It alone owns partitions, lanes, gates and offsets, so none of them needs a
//! lock. Handlers run on tasks of their own and come back as [`Finished`].

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::time::DelayQueue;
use tower::Service;

use super::assembler::{Assembler, Chunk};
use super::cancelled::Cancelled;
use super::gates::Gates;
use super::intake::Intake;
use super::job::Job;
use super::partition::Partition;
use super::replier::Replier;
use super::run::{Finished, run};
use super::{Delivery, Guarantee, Limits, Outcome};
use crate::envelope::CorrelationId;
use crate::metrics::{Held, Metrics, Rebalance, Settled};
use crate::transport::{Consumer, Event, Received, Revocation, TopicPartition};

/// What the engine is told.
#[derive(Debug)]
pub(crate) enum Input {
    /// By its consumer.
    Event(Event),
    /// By a caller that gave up.
    Cancel(CorrelationId),
    /// By its service: finish what runs, start nothing, end.
    Drain,
}

/// Dispatches the records of one consumer to `S`.
pub(crate) struct Engine<S> {
    service: S,
    intake: Intake,
    replier: Arc<Replier>,
    limits: Limits,
    consumer: Arc<Consumer>,
    /// The partition numbers assigned now, for whoever tells callers.
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
    draining: Option<Instant>,
}

/// What is left of a job while its task has it.
struct Started {
    place: Place,
    abort: AbortHandle,
    correlation_id: Option<CorrelationId>,
    endpoint: Arc<str>,
    _in_flight: Option<Held>,
}

/// Where a job stands: enough to take it out of everything it entered.
struct Place {
    partition: TopicPartition,
    epoch: u64,
    offset: i64,
    more_offsets: Vec<i64>,
    lane: Option<bytes::Bytes>,
    endpoint: Option<Arc<str>>,
    in_reserve: bool,
}

/// A job and the gate it comes to next.
enum Step {
    Endpoint(Job),
    Partition(Job),
    Instance(Job),
    Start(Job),
}

struct Leaving {
    revocation: Revocation,
    until: Instant,
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
        consumer: Arc<Consumer>,
        assigned: watch::Sender<BTreeSet<i32>>,
        metrics: Metrics,
    ) -> Self {
        Self {
            service,
            intake,
            replier,
            gates: Gates::new(&limits),
            limits,
            consumer,
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
                Some(finished) = self.running.join_next_with_id() => self.finished(finished),
                input = inputs.recv() => match input {
                    Some(input) => self.take(input),
                    None => self.drain(),
                },
                Some(due) = self.delayed.next() => self.admit(due.into_inner()),
                () = sleep_until(bound) => self.give_up_late(),
            }
            self.step();
            if self.is_drained() {
                break;
            }
        }
        self.running.abort_all();
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Event(Event::Records(batch)) => self.receive(batch),
            Input::Event(Event::Assigned(partitions)) => self.assign(partitions),
            Input::Event(Event::Revoked(revocation)) => self.revoke(revocation),
            Input::Event(Event::Troubled(reason)) => {
                tracing::warn!(reason, "consumer in trouble");
            }
            Input::Event(Event::Closed) | Input::Drain => self.drain(),
            Input::Cancel(id) => self.cancel(id),
        }
    }

    fn assign(&mut self, partitions: Vec<TopicPartition>) {
        self.metrics.dispatch().rebalanced(Rebalance::Assigned);
        for partition in partitions {
            self.epochs += 1;
            let metrics = self
                .metrics
                .partition(&partition.topic, partition.partition);
            let state = Partition::new(self.epochs, self.limits.per_partition, metrics);
            tracing::debug!(%partition, epoch = self.epochs, "assigned");
            self.partitions.insert(partition, state);
        }
        self.announce();
    }

    fn receive(&mut self, batch: Vec<Received>) {
        if self.draining.is_some() {
            return;
        }
        let now = Instant::now();
        for received in batch {
            let place = received.origin.partition.clone();
            let Some(partition) = self.partitions.get_mut(&place) else {
                // Fetched before its partition was taken away: another member has it.
                continue;
            };
            if partition.leaving || !partition.window.begin(received.origin.offset) {
                continue;
            }
            partition.metrics.received(1);
            let epoch = partition.epoch;
            let delivery = self.intake.deliver(received, &partition.moving);
            if delivery.head.chunk.is_some() && delivery.refusal.is_none() {
                self.assemble(delivery, epoch, now);
            } else {
                self.queue(delivery, Vec::new(), epoch, now);
            }
        }
        self.pause_full();
    }

    fn queue(&mut self, delivery: Delivery, more_offsets: Vec<i64>, epoch: u64, now: Instant) {
        let job = Job {
            delivery,
            more_offsets,
            epoch,
            received: now,
            waits: 0,
            in_reserve: false,
        };
        if let Some(partition) = self.current(&job)
            && let Some(job) = partition.lanes.enter(job)
        {
            self.admit(job);
        }
    }

    fn assemble(&mut self, chunk: Delivery, epoch: u64, now: Instant) {
        let place = chunk.origin.partition.clone();
        match self.assembler.take(chunk, now) {
            Chunk::Whole(request, offsets) => self.queue(*request, offsets, epoch, now),
            Chunk::Taken(chunk, bytes) => self.replier.credit(&chunk, bytes),
            Chunk::Skipped(offsets) => self.skip(&place, &offsets),
        }
    }

    /// Records that nobody is answered for are finished.
    fn skip(&mut self, place: &TopicPartition, offsets: &[i64]) {
        if let Some(partition) = self.partitions.get_mut(place) {
            let moved = offsets
                .iter()
                .filter_map(|offset| partition.window.finish(*offset))
                .max();
            if let Some(next) = moved {
                self.consumer.store(&[(place.clone(), next)]);
            }
        }
    }

    fn announce(&self) {
        let assigned: BTreeSet<i32> = self.partitions.keys().map(|it| it.partition).collect();
        self.assigned.send_if_modified(|known| {
            let modified = *known != assigned;
            *known = assigned;
            modified
        });
    }

    /// Stops fetching partitions whose window is full; `resume_at_half` goes on.
    fn pause_full(&mut self) {
        let window = self.limits.window;
        let full: Vec<TopicPartition> = self
            .partitions
            .iter_mut()
            .inspect(|(_, partition)| partition.metrics.window(partition.window.len(), window))
            .filter(|(_, partition)| !partition.paused && partition.window.len() >= window)
            .map(|(place, partition)| {
                partition.pause(true);
                place.clone()
            })
            .collect();
        if !full.is_empty() {
            self.consumer.pause(full);
        }
    }

    /// Takes a job that has its lane to the first gate.
    fn admit(&mut self, job: Job) {
        let in_turn = job.delivery.policy.guarantee == Guarantee::AtLeastOnce;
        let Some(partition) = self.current(&job) else {
            return;
        };
        // At-most-once work starts when every older record of its partition is
        // finished: only then can its own offset be committed first.
        if in_turn || partition.window.is_oldest(job.offset()) {
            self.steps.push_back(Step::Endpoint(job));
        } else {
            partition.waiting_for_turn.push_back(job);
        }
    }

    /// Moves jobs from gate to gate until each waits, runs, or is dropped
    /// because its partition has gone.
    fn step(&mut self) {
        while let Some(step) = self.steps.pop_front() {
            match step {
                Step::Endpoint(job) => {
                    if let Some(job) = self.gates.enter_endpoint(job) {
                        self.steps.push_back(Step::Partition(job));
                    }
                }
                Step::Partition(job) => match self.current(&job) {
                    Some(partition) => {
                        if let Some(job) = partition.gate.enter(job) {
                            self.steps.push_back(Step::Instance(job));
                        }
                    }
                    None => self.leave_endpoint(&Place::of(&job)),
                },
                Step::Instance(job) => {
                    if let Some(job) = self.gates.enter_instance(job) {
                        self.steps.push_back(Step::Start(job));
                    }
                }
                Step::Start(job) => self.start(job),
            }
        }
    }

    fn start(&mut self, job: Job) {
        let place = Place::of(&job);
        if self.current(&job).is_none() {
            return self.leave_gates(&place);
        }
        let in_flight = self.partitions.get_mut(job.partition()).map(|partition| {
            partition.running += 1;
            partition.metrics.in_flight()
        });
        let correlation_id = job.delivery.head.correlation_id.clone();
        let withdrawn = correlation_id
            .as_ref()
            .is_some_and(|id| self.cancelled.remove(id));
        let written = job.delivery.origin.timestamp.millis();
        let since_written = written.map(|at| self.replier.now().since(at));
        let since_arrival = job.received.elapsed();
        self.metrics.dispatch().waited(since_arrival, since_written);
        let endpoint = Arc::clone(&job.delivery.policy.name);
        let task = run(
            self.service.clone(),
            job,
            Arc::clone(&self.replier),
            Arc::clone(&self.consumer),
            withdrawn,
        );
        let abort = self.running.spawn(task);
        self.started.insert(
            abort.id(),
            Started {
                place,
                abort,
                correlation_id,
                endpoint,
                _in_flight: in_flight,
            },
        );
    }

    fn finished(&mut self, finished: Result<(Id, Finished), JoinError>) {
        let (id, finished) = match finished {
            Ok((id, finished)) => (id, finished),
            // Aborted by a cancel: nobody waits for it any more.
            Err(error) if error.is_cancelled() => {
                (error.id(), Finished::Settled(Settled::Cancelled))
            }
            Err(error) => {
                tracing::error!(%error, "dispatch of a record panicked; it will be redelivered");
                (error.id(), Finished::Unsettled)
            }
        };
        let Some(Started {
            place, endpoint, ..
        }) = self.started.remove(&id)
        else {
            return;
        };
        let endpoint = self.metrics.endpoint(&endpoint);
        if let Some(partition) = self.partition(&place) {
            partition.running -= 1;
        }
        match finished {
            Finished::Settled(settled) => {
                endpoint.settled(settled);
                self.settle(&place);
            }
            Finished::Again { job, after } => {
                endpoint.settled(Settled::NotNow);
                self.wait(*job, after);
            }
            Finished::Unsettled => {}
        }
        self.leave_gates(&place);
        self.release_drained();
    }

    /// The record is done with: its offset may be stored, its lane goes on.
    fn settle(&mut self, place: &Place) {
        let half = self.limits.window / 2;
        let Some(partition) = self.partition(place) else {
            return;
        };
        let moved = [place.offset]
            .iter()
            .chain(&place.more_offsets)
            .filter_map(|offset| partition.window.finish(*offset))
            .max();
        let resume = partition.paused && partition.window.len() <= half;
        if resume {
            partition.pause(false);
        }
        let next = match &place.lane {
            Some(key) if !partition.leaving => partition.lanes.leave(key),
            _ => None,
        };
        let turn = partition
            .waiting_for_turn
            .iter()
            .position(|job| partition.window.is_oldest(job.offset()))
            .and_then(|index| partition.waiting_for_turn.remove(index));
        if let Some(offset) = moved {
            self.consumer.store(&[(place.partition.clone(), offset)]);
        }
        if resume {
            self.consumer.resume(vec![place.partition.clone()]);
        }
        if let Some(next) = next {
            self.admit(next);
        }
        if let Some(turn) = turn {
            self.steps.push_back(Step::Endpoint(turn));
        }
    }

    fn wait(&mut self, job: Job, after: Duration) {
        if self.current(&job).is_some() && self.draining.is_none() {
            self.delayed.insert(job, after);
        }
    }

    fn leave_gates(&mut self, place: &Place) {
        if let Some(next) = self.gates.leave_instance(place.in_reserve) {
            self.steps.push_back(Step::Start(next));
        }
        let next = self
            .partition(place)
            .and_then(|partition| partition.gate.leave());
        if let Some(next) = next {
            self.steps.push_back(Step::Instance(next));
        }
        self.leave_endpoint(place);
    }

    fn leave_endpoint(&mut self, place: &Place) {
        if let Some(endpoint) = &place.endpoint
            && let Some(next) = self.gates.leave_endpoint(endpoint)
        {
            self.steps.push_back(Step::Partition(next));
        }
    }

    fn cancel(&mut self, id: CorrelationId) {
        let running = self
            .started
            .values()
            .find(|started| started.correlation_id.as_ref() == Some(&id));
        match running {
            Some(started) => started.abort.abort(),
            None => self.cancelled.remember(id),
        }
    }

    fn revoke(&mut self, revocation: Revocation) {
        let until = Instant::now() + self.limits.drain;
        self.metrics.dispatch().rebalanced(if revocation.lost {
            Rebalance::Lost
        } else {
            Rebalance::Revoked
        });
        for place in &revocation.partitions {
            tracing::debug!(partition = %place, lost = revocation.lost, "revoked");
            if let Some(partition) = self.partitions.get_mut(place) {
                partition.leaving = true;
                partition.moving.cancel();
            }
        }
        self.revocations.push(Leaving { revocation, until });
        self.release_drained();
    }

    /// Lets go of revoked partitions in which nothing runs any more, or whose
    /// bound has passed, or that belong to somebody else already.
    fn release_drained(&mut self) {
        if self.revocations.is_empty() {
            return;
        }
        let now = Instant::now();
        let partitions = &mut self.partitions;
        let assembler = &mut self.assembler;
        self.revocations.retain(|leaving| {
            let busy = leaving.revocation.partitions.iter().any(|place| {
                partitions
                    .get(place)
                    .is_some_and(|partition| partition.running > 0)
            });
            let keep = busy && !leaving.revocation.lost && now < leaving.until;
            if !keep {
                for place in &leaving.revocation.partitions {
                    partitions.remove(place);
                    assembler.forget(place);
                }
            }
            keep
        });
        self.announce();
    }

    fn drain(&mut self) {
        if self.draining.is_none() {
            self.draining = Some(Instant::now() + self.limits.drain);
            for partition in self.partitions.values_mut() {
                partition.leaving = true;
                partition.moving.cancel();
            }
        }
    }

    fn is_drained(&self) -> bool {
        self.draining
            .is_some_and(|until| self.running.is_empty() || Instant::now() >= until)
    }

    fn next_bound(&self) -> Option<Instant> {
        self.revocations
            .iter()
            .map(|leaving| leaving.until)
            .chain(self.draining)
            .chain(self.assembler.next_expiry())
            .min()
    }

    fn give_up_late(&mut self) {
        for (place, offset) in self.assembler.expire(Instant::now()) {
            self.skip(&place, &[offset]);
        }
        if self.revocations.is_empty() && self.draining.is_none() {
            return;
        }
        self.metrics.dispatch().revoke_drain_exceeded();
        tracing::warn!(
            running = self.running.len(),
            bound = ?self.limits.drain,
            "not everything finished in time; what is left will be redelivered"
        );
        self.release_drained();
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

impl Place {
    fn of(job: &Job) -> Self {
        let policy = &job.delivery.policy;
        Self {
            partition: job.partition().clone(),
            epoch: job.epoch,
            offset: job.offset(),
            more_offsets: job.more_offsets.clone(),
            lane: job.lane().cloned(),
            endpoint: policy.concurrency.map(|_| Arc::clone(&policy.name)),
            in_reserve: job.in_reserve,
        }
    }
}

async fn sleep_until(bound: Option<Instant>) {
    match bound {
        Some(bound) => tokio::time::sleep_until(bound).await,
        None => std::future::pending().await,
    }
}
