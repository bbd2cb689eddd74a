//! Running handlers: many records on one task, until one has to wait.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{AbortRegistration, Abortable, Aborted};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt as _};

use super::basket::Basket;
use super::moment::Moment;
use super::replier::{Replier, answered};
use super::report::{How, Input, Report, Ticket};
use super::{Delivery, Guarantee, Outcome, Record};
use crate::metrics::{Metrics, Settled};
use crate::transport::Consumer;

/// For so long a batch keeps to itself what has become of its records.
const UNTOLD: Duration = Duration::from_millis(1);

/// One record for its handler.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) ticket: Ticket,
    pub(super) record: Arc<Record>,
    /// Ends the handler when its caller has gone.
    pub(super) cancelled: Option<AbortRegistration>,
    /// Whether it is begun only once the one before it is settled: they have one
    /// lane.
    pub(super) follows: bool,
}

/// What running a handler takes.
pub(crate) struct Workshop {
    pub(super) replier: Arc<Replier>,
    pub(super) consumer: Arc<Consumer>,
    pub(super) basket: Arc<Basket>,
    metrics: Metrics,
    tasks: TaskTracker,
    /// Cancelled when what still runs is given up.
    pub(super) closed: CancellationToken,
}

/// Records that share a task. Each is handled up to its first wait; the one that
/// waits keeps the task, with those that follow it in its lane, and the others go on
/// in another. Dropped early, as by a panic, it does not take them along.
struct Batch<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    shop: Arc<Workshop>,
    service: S,
    works: VecDeque<Work>,
    /// When it was handed out.
    since: Moment,
    /// What has become of records, until the engine is told.
    reports: Vec<Report>,
    /// The record that is being handled, until there is a report of it or it is
    /// its answer's to report.
    owed: Option<Ticket>,
    /// Whether the last one is settled.
    settled: bool,
}

/// Has `service` handle `works` in the background, one after the other.
pub(super) fn begin<S>(shop: &Arc<Workshop>, service: &S, works: VecDeque<Work>, since: Moment)
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    if works.is_empty() || shop.closed.is_cancelled() {
        return;
    }
    let batch = Batch {
        shop: Arc::clone(shop),
        service: service.clone(),
        works,
        since,
        reports: Vec::new(),
        owed: None,
        settled: false,
    };
    shop.spawn(batch.run());
}

impl Workshop {
    /// Whoever waits for what becomes of records is called through `inputs`.
    pub(crate) fn new(
        replier: Arc<Replier>,
        consumer: Arc<Consumer>,
        inputs: mpsc::UnboundedSender<Input>,
        metrics: Metrics,
    ) -> Self {
        Self {
            replier,
            consumer,
            basket: Arc::new(Basket::new(inputs)),
            metrics,
            tasks: TaskTracker::new(),
            closed: CancellationToken::new(),
        }
    }

    /// Runs `task` unless everything is given up before.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // Boxed here once: on its way into a task a future is moved many times.
        let task = Box::pin(task);
        let closed = self.closed.clone();
        self.tasks.spawn(closed.run_until_cancelled_owned(task));
    }

    /// What the record came to, unless that is still on its way into the log.
    async fn run<S>(
        &self,
        service: &mut S,
        work: Work,
        mut began: Instant,
        since: Moment,
    ) -> Option<How>
    where
        S: Service<Delivery, Response = Outcome, Error = Infallible>,
    {
        let Work {
            ticket,
            record,
            cancelled,
            ..
        } = work;
        if record.policy.guarantee == Guarantee::AtMostOnce {
            if !self.commit(&record).await {
                return Some(How::Again { after: None });
            }
            began = Instant::now();
        }
        let after = since.until(began);
        let delivery = Delivery::of(record, began, since.wall.plus(after));
        self.waited(&delivery, since, after);
        // Only a call is answered.
        let answering = delivery.head.is_call().then(|| delivery.clone());
        let ready = match service.ready().await {
            Ok(ready) => ready,
            Err(never) => match never {},
        };
        let handler = ready.call(delivery);
        let handled = match cancelled {
            None => Ok(handler.await),
            Some(cancelled) => Abortable::new(handler, cancelled).await,
        };
        let outcome = match handled {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(never)) => match never {},
            Err(Aborted) => return Some(How::Settled(Settled::Cancelled)),
        };
        Some(match (outcome, answering) {
            (Outcome::Reply(reply), Some(delivery)) => {
                let replier = &self.replier;
                return replier.answer(ticket, &delivery, reply, &self.basket).await;
            }
            (Outcome::Reply(reply), None) => How::Settled(answered(&reply)),
            (Outcome::Done, _) => How::Settled(Settled::Done),
            (Outcome::DeadLettered(reason), _) => {
                How::Settled(Settled::DeadLetter(reason.as_str()))
            }
            (Outcome::NotNow { after }, _) => How::Again { after },
            // Without a dead-letter layer there is nowhere else to keep it.
            (Outcome::Failed(failure), _) => {
                tracing::error!(
                    reason = failure.reason.as_str(),
                    "a failed record blocks its lane: no dead letter is configured"
                );
                How::Again { after: None }
            }
        })
    }

    /// Counts how long a record had to wait for its handler, which began so long
    /// `after` it was handed out.
    fn waited(&self, delivery: &Delivery, since: Moment, after: Duration) {
        // Mostly it is handed out in the turn it arrives in.
        let since_arrival = match delivery.received == since.at {
            true => after,
            false => delivery.began.saturating_duration_since(delivery.received),
        };
        let written = delivery.origin.timestamp.millis();
        let since_written = written.map(|at| delivery.began_at.since(at));
        let dispatch = self.metrics.dispatch();
        dispatch.waited(since_arrival, since_written);
    }

    /// At-most-once work is committed before it begins.
    async fn commit(&self, record: &Record) -> bool {
        let origin = &record.origin;
        let next = (origin.partition.clone(), origin.offset + 1);
        let committed = self.consumer.commit(&[next]).await;
        if let Err(error) = &committed {
            tracing::warn!(%error, "at-most-once record waits: its offset is not committed");
        }
        committed.is_ok()
    }
}

impl<S> Batch<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    async fn run(mut self) {
        let shop = Arc::clone(&self.shop);
        let mut service = self.service.clone();
        let mut tell_at = None;
        while let Some(work) = self.works.pop_front() {
            let ticket = work.ticket;
            if work.follows && (!self.settled || work.record.moving.is_cancelled()) {
                self.settled = false;
                self.report(ticket, How::NotBegun);
                continue;
            }
            let now = Instant::now();
            if now >= *tell_at.get_or_insert(now + UNTOLD) {
                self.tell();
                tell_at = None;
            }
            self.owed = Some(ticket);
            self.settled = false;
            let mut run = pin!(shop.run(&mut service, work, now, self.since));
            let mut waited = false;
            let how = poll_fn(|cx| {
                let polled = run.as_mut().poll(cx);
                if polled.is_pending() && !waited {
                    waited = true;
                    self.hand_on();
                }
                polled
            })
            .await;
            self.owed = None;
            self.settled = matches!(how, Some(How::Settled(_)));
            if let Some(how) = how {
                self.report(ticket, how);
            }
        }
    }

    /// Tells what is known, and lets those that are left go on elsewhere.
    fn hand_on(&mut self) {
        self.tell();
        let behind = self.works.iter().take_while(|work| work.follows).count();
        let works = self.works.split_off(behind);
        begin(&self.shop, &self.service, works, self.since);
    }

    fn report(&mut self, ticket: Ticket, how: How) {
        self.reports.push(Report { ticket, how });
    }

    fn tell(&mut self) {
        if !self.reports.is_empty() {
            self.shop.basket.put_all(self.reports.drain(..));
        }
    }
}

impl<S> Drop for Batch<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    fn drop(&mut self) {
        if let Some(ticket) = self.owed.take() {
            self.report(ticket, How::Unsettled);
        }
        self.tell();
        let works = std::mem::take(&mut self.works);
        begin(&self.shop, &self.service, works, self.since);
    }
}
