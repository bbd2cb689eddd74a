//! Trying again what failed.

mod verdict;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tower::retry::budget::{Budget as _, TpsBudget};
use tower::{Layer, Service};

use crate::dispatch::{Delivery, Outcome};
use crate::metrics::Metrics;

use self::verdict::Verdict;
use super::guard;

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
}

impl RetryLayer {
    /// A layer with a budget of its own, which tells `metrics` when that is spent.
    #[must_use]
    pub fn new(metrics: Metrics) -> Self {
        let budget = TpsBudget::new(WINDOW, FLOOR, SHARE);
        Self(Arc::new(Retries { budget, metrics }))
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
/// its lane, and nothing else of this service waits for it.
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
        let kept = asked.then(|| (Arc::clone(&self.retries), delivery.clone()));
        RetryFuture {
            handler: self.inner.call(delivery),
            kept,
        }
    }
}

pin_project! {
    /// A handler whose failure may have it tried again.
    #[derive(Debug)]
    pub struct RetryFuture<F> {
        #[pin]
        handler: F,
        // What is asked once it has ended, where its endpoint has retries.
        kept: Option<(Arc<Retries>, Delivery)>,
    }
}

impl<F> Future for RetryFuture<F>
where
    F: Future<Output = Result<Outcome, Infallible>>,
{
    type Output = Result<Outcome, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Ok(outcome) = ready!(this.handler.poll(cx));
        Poll::Ready(Ok(match this.kept.take() {
            Some((retries, delivery)) => retries.judge(&delivery, outcome),
            None => outcome,
        }))
    }
}

impl Retries {
    /// What becomes of a delivery that ended so.
    fn judge(&self, delivery: &Delivery, outcome: Outcome) -> Outcome {
        let at_least = match verdict::of(&outcome) {
            Verdict::Ended => {
                self.budget.deposit();
                return outcome;
            }
            Verdict::Waits => return outcome,
            Verdict::Failed { at_least } => at_least,
        };
        let attempt = delivery.head.attempt;
        let Some(spec) = delivery.policy.retry.filter(|spec| attempt < spec.attempts) else {
            self.budget.deposit();
            return outcome;
        };
        let mut after = spec.wait(attempt, fastrand::f64()).max(at_least);
        if !fits(after, delivery) {
            self.budget.deposit();
            return outcome;
        }
        if !self.budget.withdraw() {
            self.metrics.dispatch().retry_over_budget();
            after = after.max(spec.backoff.longest);
            if !fits(after, delivery) {
                return outcome;
            }
        }
        Outcome::Retry { after }
    }
}

/// Whether somebody is still there for an attempt that begins `after` so long.
fn fits(after: Duration, delivery: &Delivery) -> bool {
    if !delivery.head.is_call() {
        return true;
    }
    let since = delivery.began.elapsed().saturating_add(after);
    guard::deadline(delivery).is_none_or(|deadline| since < deadline.remaining(delivery.began_at))
}
