//! Noticing handlers that run on beyond their deadline.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::dispatch::{Delivery, Outcome};
use crate::health::{HandlerWatch, Health};

/// Makes [`Watch`]es.
#[derive(Clone, Debug)]
pub struct WatchLayer(Health);

impl WatchLayer {
    /// Reports to `health`.
    #[must_use]
    pub fn new(health: Health) -> Self {
        Self(health)
    }
}

impl<S> Layer<S> for WatchLayer {
    type Service = Watch<S>;

    fn layer(&self, inner: S) -> Watch<S> {
        Watch {
            inner,
            health: self.0.clone(),
        }
    }
}

/// Reports every handler as running, so that one which never yields, and which
/// therefore no timeout can end, fails liveness in the end.
#[derive(Clone, Debug)]
pub struct Watch<S> {
    inner: S,
    health: Health,
}

impl<S> Service<Delivery> for Watch<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible>,
{
    type Response = Outcome;
    type Error = Infallible;
    type Future = WatchFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        let watch = self
            .health
            .handler(&delivery.policy.name, delivery.finish_by);
        WatchFuture {
            handler: self.inner.call(delivery),
            _watch: watch,
        }
    }
}

pin_project! {
    /// A handler being watched.
    #[derive(Debug)]
    pub struct WatchFuture<F> {
        #[pin]
        handler: F,
        _watch: HandlerWatch,
    }
}

impl<F: Future> Future for WatchFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().handler.poll(cx)
    }
}
