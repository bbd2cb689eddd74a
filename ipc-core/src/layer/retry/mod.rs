//! Trying again what failed.

mod tiers;
mod verdict;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tower::retry::budget::{Budget as _, TpsBudget};
use tower::{Layer, Service};

use crate::dispatch::{Delivery, Outcome, RetryPolicy};
use crate::metrics::Metrics;
use crate::transport::Transport;

use self::tiers::Tiers;
use self::verdict::Verdict;

/// Retries that fit the budget whatever is handled, per second.
const FLOOR: u32 = 10;
/// Retries that fit it beside those, as a share of the work that is handled.
const SHARE: f32 = 0.2;
/// How long work that was handled counts.
const WINDOW: Duration = Duration::from_secs(10);

/// Makes [`Retry`]s, which share one budget.
#[derive(Clone, Debug)]
pub struct RetryLayer(Arc<Retries>);

/// What the retries of one instance of a service share.
#[derive(Debug)]
struct Retries {
    budget: TpsBudget,
    metrics: Metrics,
    tiers: Option<Tiers>,
}

impl RetryLayer {
    /// A layer with a budget of its own, which tells `metrics` when that is spent.
    /// Every record waits in its lane.
    #[must_use]
    pub fn new(metrics: Metrics) -> Self {
        Self::with(metrics, None)
    }

    /// The same, with topics in which records wait for so long each, where their
    /// endpoint asks for [tiers](RetryPolicy::Tiers). Whoever reads those topics hands
    /// out each record when it is due.
    #[must_use]
    pub fn with_tiers(
        metrics: Metrics,
        transport: Arc<dyn Transport>,
        topics: BTreeMap<Duration, Arc<str>>,
    ) -> Self {
        Self::with(metrics, Some(Tiers::new(transport, topics)))
    }

    fn with(metrics: Metrics, tiers: Option<Tiers>) -> Self {
        Self(Arc::new(Retries {
            budget: TpsBudget::new(WINDOW, FLOOR, SHARE),
            metrics,
            tiers,
        }))
    }
}

impl<S> Layer<S> for RetryLayer {
    type Service = Retry<S>;

    fn layer(&self, inner: S) -> Retry<S> {
        Retry {
            inner,
            retries: Arc::clone(&self.0),
        }
    }
}

/// Has a failed attempt repeated as its endpoint asks for: the record waits in
/// its lane, or in a retry topic.
///
/// Repeated are one-way records whose failure says that another attempt may help,
/// and, where the endpoint itself asks for retries, calls that end in a 5xx or a
/// timeout while their caller has time left for another attempt.
///
/// # Budget
///
/// Retries are at most a fifth of the work that endpoints with retries have
/// finished within the last ten seconds, and ten a second beside that. One that
/// finds the budget spent waits as long as its backoff ever does.
#[derive(Clone, Debug)]
pub struct Retry<S> {
    inner: S,
    retries: Arc<Retries>,
}

impl<S> Service<Delivery> for Retry<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible>,
{
    type Response = Outcome;
    type Error = Infallible;
    type Future = RetryFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        let policy = &delivery.policy;
        let asked = policy.retry.is_some()
            && delivery.refusal.is_none()
            && (policy.retries_calls || !delivery.head.is_call());
        let kept = asked.then(|| Box::new((Arc::clone(&self.retries), delivery.clone())));
        RetryFuture {
            handler: self.inner.call(delivery),
            kept,
            deferring: None,
        }
    }
}

pin_project! {
    /// A handler whose failure may have it tried again.
    pub struct RetryFuture<F> {
        #[pin]
        handler: F,
        // What is asked once it has ended, where its endpoint has retries: boxed,
        // because every future has room for it.
        kept: Option<Box<(Arc<Retries>, Delivery)>>,
        deferring: Option<Pin<Box<dyn Future<Output = Outcome> + Send>>>,
    }
}

impl<F> Future for RetryFuture<F>
where
    F: Future<Output = Result<Outcome, Infallible>>,
{
    type Output = Result<Outcome, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let deferring = match this.deferring {
            Some(deferring) => deferring,
            None => {
                let Ok(outcome) = ready!(this.handler.poll(cx));
                let Some(kept) = this.kept.take() else {
                    return Poll::Ready(Ok(outcome));
                };
                let (retries, delivery) = *kept;
                match retries.judge(&delivery, &outcome) {
                    None => return Poll::Ready(Ok(outcome)),
                    Some(after) if !leaves_its_lane(&delivery) => {
                        return Poll::Ready(Ok(Outcome::Retry { after }));
                    }
                    Some(after) => this.deferring.insert(Box::pin(async move {
                        retries.defer(&delivery, after).await
                    })),
                }
            }
        };
        deferring.as_mut().poll(cx).map(Ok)
    }
}

impl Retries {
    /// How long to wait before the next attempt at a delivery that ended so; `None`
    /// where there is none.
    fn judge(&self, delivery: &Delivery, outcome: &Outcome) -> Option<Duration> {
        let after = match verdict::of(outcome) {
            Verdict::Waits => return None,
            Verdict::Ended => None,
            Verdict::Failed { at_least } => next_wait(delivery, at_least),
        };
        let Some((after, longest)) = after else {
            self.budget.deposit();
            return None;
        };
        if self.budget.withdraw() {
            return Some(after);
        }
        self.metrics.dispatch().retry_over_budget();
        Some(after.max(longest)).filter(|after| fits(*after, delivery))
    }

    /// Has the next attempt made from a retry topic.
    async fn defer(&self, delivery: &Delivery, after: Duration) -> Outcome {
        if let Some(tiers) = &self.tiers
            && tiers.put(delivery, after).await
        {
            return Outcome::Deferred;
        }
        tracing::warn!(
            endpoint = &*delivery.policy.name,
            "no retry topic takes this record, it waits in its lane: is it too large?"
        );
        Outcome::Retry { after }
    }
}

/// How long to wait before the next attempt, and over the budget, where there is to be
/// another and somebody is there for it.
fn next_wait(delivery: &Delivery, at_least: Duration) -> Option<(Duration, Duration)> {
    let attempt = delivery.head.attempt;
    let spec = delivery.policy.retry?;
    let after = spec.wait(attempt, fastrand::f64()).max(at_least);
    let another = attempt < spec.attempts && fits(after, delivery);
    another.then_some((after, spec.backoff.longest))
}

/// Whether the record waits elsewhere than in its lane. A call does not: its caller
/// waits too.
fn leaves_its_lane(delivery: &Delivery) -> bool {
    let policy = delivery.policy.retry.map(|retry| retry.policy);
    policy == Some(RetryPolicy::Tiers) && !delivery.head.is_call()
}

/// Whether somebody is still there for an attempt that begins `after` so long.
fn fits(after: Duration, delivery: &Delivery) -> bool {
    if !delivery.head.is_call() {
        return true;
    }
    let since = delivery.began.elapsed().saturating_add(after);
    delivery
        .deadline()
        .is_none_or(|deadline| since < deadline.remaining(delivery.began_at))
}
