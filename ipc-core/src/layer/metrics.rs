//! Counting and timing what handlers do.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower::{Layer, Service};

use crate::dispatch::{Delivery, Outcome};
use crate::metrics::{EndpointMetrics, HandlerResult, Metrics};

/// Makes [`Measure`]s.
#[derive(Clone, Debug)]
pub struct MetricsLayer(Metrics);

impl MetricsLayer {
    /// Records into `metrics`.
    #[must_use]
    pub fn new(metrics: Metrics) -> Self {
        Self(metrics)
    }
}

impl<S> Layer<S> for MetricsLayer {
    type Service = Measure<S>;

    fn layer(&self, inner: S) -> Measure<S> {
        Measure {
            inner,
            metrics: self.0.clone(),
        }
    }
}

/// Records how long each run of a handler took and what it came to, under its
/// endpoint's name. What becomes of the *record* is dispatch's to count: a record
/// that is tried again has several runs.
#[derive(Clone, Debug)]
pub struct Measure<S> {
    inner: S,
    metrics: Metrics,
}

impl<S> Service<Delivery> for Measure<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible>,
{
    type Response = Outcome;
    type Error = Infallible;
    type Future = MeasureFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        let run = Run::begin(delivery.meter(&self.metrics), delivery.began);
        MeasureFuture {
            handler: self.inner.call(delivery),
            run,
        }
    }
}

pin_project! {
    /// A handler being measured.
    #[derive(Debug)]
    pub struct MeasureFuture<F> {
        #[pin]
        handler: F,
        run: Run,
    }
}

impl<F: Future<Output = Result<Outcome, Infallible>>> Future for MeasureFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let polled = Polled(this.run);
        let Ok(outcome) = ready!(this.handler.poll(cx));
        polled.0.end(result(&outcome));
        Poll::Ready(Ok(outcome))
    }
}

/// One run of a handler. Dropped before its end it counts as dropped.
#[derive(Debug)]
struct Run {
    endpoint: Arc<EndpointMetrics>,
    began: Instant,
    ended: bool,
}

impl Run {
    #[inline]
    fn begin(endpoint: Arc<EndpointMetrics>, began: Instant) -> Self {
        endpoint.handler_started();
        Self {
            endpoint,
            began,
            ended: false,
        }
    }

    #[inline]
    fn end(&mut self, result: HandlerResult) {
        self.ended = true;
        self.endpoint.handler_ended(result, self.began.elapsed());
    }
}

impl Drop for Run {
    #[inline]
    fn drop(&mut self) {
        if !self.ended {
            self.end(HandlerResult::Dropped);
        }
    }
}

/// A run while its handler is polled: here a panic can be told from a drop,
/// because whoever catches the panic drops the handler only afterwards.
struct Polled<'a>(&'a mut Run);

impl Drop for Polled<'_> {
    #[inline]
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.end(HandlerResult::Panicked);
        }
    }
}

#[inline]
fn result(outcome: &Outcome) -> HandlerResult {
    match outcome {
        Outcome::Done => HandlerResult::Done,
        Outcome::Reply(reply) => HandlerResult::reply(reply.status),
        // Written outside of this layer, for what failed inside.
        Outcome::DeadLettered(reason) => HandlerResult::Failed(reason.as_str()),
        Outcome::Retry { .. } | Outcome::Deferred => HandlerResult::Failed("retry"),
        Outcome::NotNow { .. } => HandlerResult::NotNow,
        Outcome::Failed(failure) => HandlerResult::Failed(failure.reason.as_str()),
    }
}
