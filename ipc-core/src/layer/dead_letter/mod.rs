//! Keeping what could not be done.

mod letter;
mod notice;

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::dispatch::{Delivery, Failure, Notice, Outcome, Reason, ReplyTopics};
use crate::metrics::Metrics;
use crate::transport::{Outgoing, Placed, SendError, Transport};

use self::letter::{Fit, Letter};

/// Between two tries to write a dead letter.
const PAUSE: Duration = Duration::from_millis(500);

/// Makes [`DeadLetter`]s.
#[derive(Clone)]
pub struct DeadLetterLayer(Arc<Target>);

/// Where dead letters go.
struct Target {
    transport: Arc<dyn Transport>,
    topic: Arc<str>,
    service: Arc<str>,
    group: Arc<str>,
    metrics: Metrics,
    /// Where senders may ask to be told.
    reply_topics: ReplyTopics,
}

impl DeadLetterLayer {
    /// Dead letters of `service`, whose consumers are in `group`, go to `topic`. Senders
    /// that ask for it are told in one of `reply_topics`.
    #[must_use]
    pub fn new(
        transport: Arc<dyn Transport>,
        topic: Arc<str>,
        service: Arc<str>,
        group: Arc<str>,
        metrics: Metrics,
        reply_topics: ReplyTopics,
    ) -> Self {
        Self(Arc::new(Target {
            transport,
            topic,
            service,
            group,
            metrics,
            reply_topics,
        }))
    }
}

impl<S> Layer<S> for DeadLetterLayer {
    type Service = DeadLetter<S>;

    fn layer(&self, inner: S) -> DeadLetter<S> {
        DeadLetter {
            inner,
            target: Arc::clone(&self.0),
        }
    }
}

/// Writes what failed to the dead-letter topic and waits until it is there:
/// only then is the record done.
#[derive(Clone)]
pub struct DeadLetter<S> {
    inner: S,
    target: Arc<Target>,
}

impl<S> Service<Delivery> for DeadLetter<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible>,
{
    type Response = Outcome;
    type Error = Infallible;
    type Future = DeadLetterFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        // An answered call never becomes a dead letter, unless its answer may
        // not be written at all.
        let answered = delivery.head.is_call() && delivery.refusal.is_none();
        let kept = (!answered).then(|| (Arc::clone(&self.target), delivery.clone()));
        DeadLetterFuture {
            handler: self.inner.call(delivery),
            kept,
            keeping: None,
        }
    }
}

pin_project! {
    /// A record until it is done, or its dead letter is in the log.
    pub struct DeadLetterFuture<F> {
        #[pin]
        handler: F,
        // What a dead letter is written of, where the record may become one.
        kept: Option<(Arc<Target>, Delivery)>,
        keeping: Option<Pin<Box<dyn Future<Output = Reason> + Send>>>,
    }
}

impl<F> Future for DeadLetterFuture<F>
where
    F: Future<Output = Result<Outcome, Infallible>>,
{
    type Output = Result<Outcome, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let keeping = match this.keeping {
            Some(keeping) => keeping,
            None => {
                let Ok(outcome) = ready!(this.handler.poll(cx));
                match (outcome, this.kept.take()) {
                    (Outcome::Failed(failure), Some((target, delivery))) => {
                        this.keeping.insert(Box::pin(async move {
                            if let Some(placed) = target.keep(&delivery, &failure).await {
                                target.tell(&delivery, failure.reason, placed).await;
                            }
                            failure.reason
                        }))
                    }
                    (outcome, _) => return Poll::Ready(Ok(outcome)),
                }
            }
        };
        let kept = keeping.as_mut().poll(cx);
        kept.map(|reason| Ok(Outcome::DeadLettered(reason)))
    }
}

impl Target {
    /// Returns when the dead letter is in the log, however long that takes: the
    /// record must not be lost. `None` where it is among the outputs of the record's
    /// transaction, and its place not known before that is committed.
    async fn keep(&self, delivery: &Delivery, failure: &Failure) -> Option<Placed> {
        let home = delivery.home();
        tracing::warn!(
            endpoint = &*delivery.policy.name,
            partition = %home.partition,
            offset = home.offset,
            reason = failure.reason.as_str(),
            topic = &*self.topic,
            "dead letter"
        );
        let letter = Letter {
            delivery,
            failure,
            group: &self.group,
            service: &self.service,
            at: self.transport.now(),
        };
        let mut fit = Fit::Whole;
        let mut record = self.record(&letter, fit);
        if let Some(outputs) = delivery.outputs() {
            // Written, and waited for, with the offset; its sender is told after that.
            outputs.replace(record, self.notice(delivery, failure.reason));
            let dispatch = self.metrics.dispatch();
            dispatch.dead_lettered(failure.reason.as_str());
            return None;
        }
        loop {
            let receipt = self.transport.append(&record);
            match (receipt.await, fit.tighter()) {
                (Ok(placed), _) => {
                    let dispatch = self.metrics.dispatch();
                    dispatch.dead_lettered(failure.reason.as_str());
                    return Some(placed);
                }
                (Err(SendError::Closed), _) => return std::future::pending().await,
                (Err(SendError::TooLarge { reason, .. }), Some(tighter)) => {
                    tracing::warn!(reason, without = tighter.cut(), "dead letter is cut to fit");
                    fit = tighter;
                    record = self.record(&letter, fit);
                }
                (Err(error), _) => {
                    tracing::warn!(%error, "dead letter not acknowledged; its lane waits");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Tells the sender, where it asked for that. The offset waits: whoever handles the
    /// record again after a crash tells it, too.
    async fn tell(&self, delivery: &Delivery, reason: Reason, placed: Placed) {
        if let Some(notice) = self.notice(delivery, reason) {
            notice.send(&*self.transport, placed).await;
        }
    }

    fn notice(&self, delivery: &Delivery, reason: Reason) -> Option<Notice> {
        notice::draft(delivery, reason, &self.topic, &self.reply_topics)
    }

    fn record(&self, letter: &Letter<'_>, fit: Fit) -> Outgoing {
        Outgoing {
            topic: Arc::clone(&self.topic),
            partition: None,
            envelope: letter.write(fit),
        }
    }
}
