//! Recognising requests that come again.

mod body;
mod desk;
mod identity;
mod outliving;
mod recording;
mod wait;

use std::convert::Infallible;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio_util::task::TaskTracker;
use tower::{Layer, Service};

use crate::dispatch::{Delivery, Idempotency, Outcome};
use crate::health::StoreHealth;
use crate::metrics::Metrics;
use crate::store::Dedup as Settings;

use self::desk::Desk;

/// Makes [`Dedup`]s.
#[derive(Clone, Debug)]
pub struct DedupLayer(Option<Arc<Desk>>);

impl DedupLayer {
    /// Claims are made in the name of `instance`, one run of `service`.
    #[must_use]
    pub fn new(
        settings: Settings,
        service: Arc<str>,
        instance: Arc<str>,
        metrics: Metrics,
        health: Arc<StoreHealth>,
    ) -> Self {
        Self(Some(Arc::new(Desk {
            settings,
            service,
            instance,
            metrics,
            health,
            afterwards: TaskTracker::new(),
        })))
    }

    /// Where replies are stored that nobody waits for any more.
    pub(crate) fn afterwards(&self) -> TaskTracker {
        let desk = self.0.as_ref();
        desk.map(|desk| desk.afterwards.clone()).unwrap_or_default()
    }

    /// For a service without a store: every record goes through.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }
}

impl<S> Layer<S> for DedupLayer {
    type Service = Dedup<S>;

    fn layer(&self, inner: S) -> Dedup<S> {
        Dedup {
            inner,
            desk: self.0.clone(),
        }
    }
}

/// Lets a handler see each request once, and answers its repetitions from a
/// [store](crate::store).
///
/// What is stored: replies below 400, and those above that blame the request and
/// will do so again. After any other end, and after a one-way that is to be tried
/// again or dead-lettered, the work is released and may be claimed anew.
#[derive(Clone, Debug)]
pub struct Dedup<S> {
    inner: S,
    desk: Option<Arc<Desk>>,
}

impl<S> Service<Delivery> for Dedup<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Outcome;
    type Error = Infallible;
    type Future = DedupFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        let way = match &self.desk {
            Some(desk) if delivery.policy.idempotency != Idempotency::Off => {
                let next = self.inner.clone();
                // The one that is ready handles it.
                let ready = mem::replace(&mut self.inner, next);
                let handled = Box::pin(Arc::clone(desk).handle(ready, delivery));
                Way::Claimed { handled }
            }
            _ => Way::Through {
                handler: self.inner.call(delivery),
            },
        };
        DedupFuture { way }
    }
}

pin_project! {
    /// A handler whose repetitions are recognised, where its endpoint asks for that.
    pub struct DedupFuture<F> {
        #[pin]
        way: Way<F>,
    }
}

pin_project! {
    #[project = WayProjection]
    enum Way<F> {
        // Nothing is stored.
        Through { #[pin] handler: F },
        // The work is claimed first.
        Claimed { handled: Pin<Box<dyn Future<Output = Outcome> + Send>> },
    }
}

impl<F> Future for DedupFuture<F>
where
    F: Future<Output = Result<Outcome, Infallible>>,
{
    type Output = Result<Outcome, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().way.project() {
            WayProjection::Through { handler } => handler.poll(cx),
            WayProjection::Claimed { handled } => handled.as_mut().poll(cx).map(Ok),
        }
    }
}
