//! Running handlers.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt as _};

use super::basket::Basket;
use super::idle::Idle;
use super::moment::Moment;
use super::replier::{Replier, answered};
use super::report::{How, Input, Produced, Ticket};
use super::{Delivery, Guarantee, Notice, Outcome, Outputs, Record, Refusal};
use crate::metrics::{Metrics, Settled};
use crate::transport::{Consumer, Outgoing};

/// One record for its handler.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) ticket: Ticket,
    pub(super) record: Arc<Record>,
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
    pub(super) idle: Idle,
    /// Cancelled when what still runs is given up.
    pub(super) closed: CancellationToken,
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
            idle: Idle::default(),
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
    pub(super) async fn run<S>(
        &self,
        service: &mut S,
        work: Work,
        mut began: Instant,
        since: Moment,
    ) -> Option<How>
    where
        S: Service<Delivery, Response = Outcome, Error = Infallible>,
    {
        let Work { ticket, record, .. } = work;
        if record.policy.guarantee == Guarantee::AtMostOnce {
            if !self.commit(&record).await {
                return Some(How::Again { after: None });
            }
            began = Instant::now();
        }
        let after = since.until(began);
        let mut delivery = Delivery::of(record, began, since.wall.plus(after));
        delivery.outputs = outputs(&delivery);
        let outputs = delivery.outputs.clone();
        self.waited(&delivery, since, after);
        // Only a call is answered.
        let answering = delivery.head.is_call().then(|| delivery.clone());
        let ready = match service.ready().await {
            Ok(ready) => ready,
            Err(never) => match never {},
        };
        // Pinned where it is made: it is large to be moved.
        let handler = pin!(ready.call(delivery));
        let withdrawal = answering.as_ref().and_then(|it| it.withdrawal.get());
        let handled = match withdrawal {
            None => Some(handler.await),
            Some(withdrawal) => withdrawal.run(handler).await,
        };
        let outcome = match handled {
            Some(Ok(outcome)) => outcome,
            Some(Err(never)) => match never {},
            None => return Some(How::Settled(Settled::Cancelled)),
        };
        let withdrawn = withdrawal.is_some_and(|it| it.is_withdrawn());
        let written = outputs.map_or_else(Default::default, |outputs| outputs.close());
        // Whoever finished although its caller gave up wanted that.
        let asked = answering.as_ref().filter(|_| !withdrawn);
        let outcome = match produced(outcome, asked, written) {
            Ok(produced) => return Some(How::Produced(produced)),
            Err(nothing) => nothing,
        };
        Some(match (outcome, answering) {
            (Outcome::DeadLettered(reason), _) => {
                How::Settled(Settled::DeadLetter(reason.as_str()))
            }
            // Nobody waits for the answer, and nobody for another attempt.
            _ if withdrawn => How::Settled(Settled::Cancelled),
            (Outcome::Reply(reply), Some(delivery)) => {
                let replier = &self.replier;
                return replier.answer(ticket, &delivery, reply, &self.basket).await;
            }
            (Outcome::Reply(reply), None) => How::Settled(answered(&reply)),
            (Outcome::Done, _) => How::Settled(Settled::Done),
            (Outcome::NotNow { after }, _) => How::Again { after },
            (Outcome::Retry { after }, _) => How::Retry { after },
            (Outcome::Deferred, _) => How::Settled(Settled::FailedRetry),
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

/// Where the handler puts what it writes. One whose outputs were refused has no other
/// attempt at them.
fn outputs(record: &Record) -> Option<Outputs> {
    let transactional = record.policy.guarantee == Guarantee::ExactlyOnce
        && !matches!(record.refusal, Some(Refusal::Output(_)));
    transactional.then(Outputs::new)
}

/// What is to be committed with a record that ended well, or that is written somewhere
/// else for having failed. Without outputs there is nothing to be. The caller that
/// `asked` is answered afterwards.
fn produced(
    outcome: Outcome,
    asked: Option<&Delivery>,
    (records, notice): (Vec<Outgoing>, Option<Notice>),
) -> Result<Box<Produced>, Outcome> {
    let settled = match &outcome {
        _ if records.is_empty() => return Err(outcome),
        Outcome::Done => Settled::Done,
        Outcome::Reply(reply) if reply.status < 400 => answered(reply),
        Outcome::DeadLettered(reason) => Settled::DeadLetter(reason.as_str()),
        Outcome::Deferred => Settled::FailedRetry,
        _ => return Err(outcome),
    };
    let answer = match (outcome, asked) {
        (Outcome::Reply(reply), Some(delivery)) => Some((delivery.clone(), reply)),
        _ => None,
    };
    Ok(Box::new(Produced {
        records,
        settled,
        answer,
        notice,
    }))
}
