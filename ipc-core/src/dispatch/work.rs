//! Running handlers: many records on one task, until one has to wait.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::vec;

use futures_util::FutureExt as _;
use futures_util::future::{AbortRegistration, Abortable, Aborted, Either};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt as _};

use super::replier::{Replier, answered};
use super::report::{How, Input, Reports, Ticket};
use super::{Delivery, Guarantee, Outcome, Record};
use crate::metrics::Settled;
use crate::transport::Consumer;

/// One record for its handler.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) ticket: Ticket,
    pub(super) record: Arc<Record>,
    /// Ends the handler when its caller has gone.
    pub(super) cancelled: Option<AbortRegistration>,
}

/// What running a handler takes.
pub(crate) struct Workshop {
    pub(super) replier: Arc<Replier>,
    pub(super) consumer: Arc<Consumer>,
    reports: Reports,
    tasks: TaskTracker,
    /// Cancelled when what still runs is given up.
    pub(super) closed: CancellationToken,
}

/// Records that share a task. Each is handled up to its first wait; the one that
/// waits keeps the task, and those behind it go on in another. Dropped early, as
/// by a panic, it does not take them along.
struct Batch<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    shop: Arc<Workshop>,
    service: S,
    works: vec::IntoIter<Work>,
}

/// Has `service` handle `works` in the background, one after the other.
pub(super) fn begin<S>(shop: &Arc<Workshop>, service: &S, works: vec::IntoIter<Work>)
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    if works.as_slice().is_empty() || shop.closed.is_cancelled() {
        return;
    }
    let batch = Batch {
        shop: Arc::clone(shop),
        service: service.clone(),
        works,
    };
    shop.spawn(batch.run());
}

impl Workshop {
    /// What becomes of records is told to `inputs`.
    pub(crate) fn new(
        replier: Arc<Replier>,
        consumer: Arc<Consumer>,
        inputs: mpsc::UnboundedSender<Input>,
    ) -> Self {
        Self {
            replier,
            consumer,
            reports: Reports(inputs),
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

    async fn run<S>(&self, service: &mut S, work: Work)
    where
        S: Service<Delivery, Response = Outcome, Error = Infallible>,
    {
        let mut owed = Owed {
            ticket: Some(work.ticket),
            reports: &self.reports,
        };
        let how = self.outcome(service, work).await;
        if let Some((ticket, how)) = owed.ticket.take().zip(how) {
            self.reports.send(ticket, how);
        }
    }

    /// What the record came to, unless that is still on its way into the log.
    async fn outcome<S>(&self, service: &mut S, work: Work) -> Option<How>
    where
        S: Service<Delivery, Response = Outcome, Error = Infallible>,
    {
        let Work {
            ticket,
            record,
            cancelled,
        } = work;
        let delivery = Delivery::of(record);
        if delivery.policy.guarantee == Guarantee::AtMostOnce && !self.commit(&delivery).await {
            return Some(How::Again { after: None });
        }
        // Only a call is answered.
        let answering = delivery.head.is_call().then(|| delivery.clone());
        let ready = match service.ready().await {
            Ok(ready) => ready,
            Err(never) => match never {},
        };
        let handler = ready.call(delivery);
        let handler = match cancelled {
            None => Either::Left(handler.map(Ok)),
            Some(cancelled) => Either::Right(Abortable::new(handler, cancelled)),
        };
        let outcome = match handler.await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(never)) => match never {},
            Err(Aborted) => return Some(How::Settled(Settled::Cancelled)),
        };
        Some(match (outcome, answering) {
            (Outcome::Reply(reply), Some(delivery)) => {
                let replier = &self.replier;
                return replier
                    .answer(ticket, &delivery, reply, &self.reports)
                    .await;
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

    /// At-most-once work is committed before it begins.
    async fn commit(&self, delivery: &Delivery) -> bool {
        let origin = &delivery.origin;
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
        while let Some(work) = self.works.next() {
            let mut run = pin!(shop.run(&mut service, work));
            let mut waited = false;
            poll_fn(|cx| {
                let polled = run.as_mut().poll(cx);
                if polled.is_pending() && !waited {
                    waited = true;
                    self.hand_on();
                }
                polled
            })
            .await;
            if waited {
                return;
            }
        }
    }

    /// Lets those that are left go on elsewhere.
    fn hand_on(&mut self) {
        begin(&self.shop, &self.service, std::mem::take(&mut self.works));
    }
}

impl<S> Drop for Batch<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    fn drop(&mut self) {
        self.hand_on();
    }
}

/// A report that is owed. Dropped by a panic it says so.
struct Owed<'a> {
    ticket: Option<Ticket>,
    reports: &'a Reports,
}

impl Drop for Owed<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.reports.send(ticket, How::Unsettled);
        }
    }
}
