//! What a handler's own calls inherit from the request it serves.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;

use bytes::Bytes;
use pin_project_lite::pin_project;

use super::{Chain, Deadline, TraceContext, UnixMillis};

thread_local! {
    /// Of the task that is polled on this thread.
    static CURRENT: Cell<Option<Arc<Context>>> = const { Cell::new(None) };
}

/// What travels down from a request to the calls made while serving it. Set by
/// dispatch around each handler, read by the client.
///
/// It is bound to the task: a handler that spawns hands it on with
/// [`scope`](Context::scope).
///
/// ```
/// use ipc_core::envelope::Context;
/// use tokio_util::task::TaskTracker;
///
/// async fn handler(tasks: TaskTracker) {
///     tasks.spawn(Context::current().scope(async { /* calls that inherit */ }));
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Context {
    /// When the request must be answered, by this host's clock.
    pub deadline: Option<UnixMillis>,
    /// The span the request is served in.
    pub trace: Option<TraceContext>,
    /// The lanes held by the callers above.
    pub chain: Chain,
    /// The lane of this request, where it has one.
    pub lane: Option<Lane>,
    /// Whether the request is a copy of one that was answered elsewhere.
    pub shadow: bool,
}

/// The records of one key at one service: one is handled after the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lane {
    /// The service.
    pub service: Arc<str>,
    /// The key.
    pub key: Bytes,
}

pin_project! {
    /// A future that runs in a [`Context`].
    #[derive(Debug)]
    pub struct Scoped<F> {
        #[pin]
        future: F,
        context: Place,
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.context.during(|| this.future.poll(cx))
    }
}

impl Context {
    /// The context of the running task; an empty one outside of any.
    #[must_use]
    pub fn current() -> Self {
        let current = CURRENT.try_with(|current| {
            let context = current.take();
            let copy = context.as_deref().cloned();
            current.set(context);
            copy
        });
        current.ok().flatten().unwrap_or_default()
    }

    /// Runs `future` in this context.
    ///
    /// # Cancel safety
    ///
    /// As safe as `future` itself.
    pub fn scope<F: Future>(self, future: F) -> Scoped<F> {
        Place::of(Arc::new(self)).scope(future)
    }

    /// Runs `work`, which does not wait, in this context.
    pub fn sync_scope<T>(self, work: impl FnOnce() -> T) -> T {
        Place::of(Arc::new(self)).during(work)
    }

    /// The lanes held, the one of this request included: what a call hands on.
    #[must_use]
    pub fn held(&self) -> Chain {
        match &self.lane {
            Some(lane) => self.chain.with(&lane.service, &lane.key),
            None => self.chain.clone(),
        }
    }

    /// The deadline of a call begun `now` that would itself wait for `timeout`:
    /// the earlier of that and the inherited one.
    #[must_use]
    pub fn deadline(&self, now: UnixMillis, timeout: Duration) -> Deadline {
        let left = self
            .deadline
            .map_or(timeout, |at| at.since(now).min(timeout));
        Deadline::after(now, left)
    }
}

/// A context that can change places with the thread's: what is exchanged is no
/// more than where it lies.
#[derive(Debug)]
pub(crate) struct Place(Option<Arc<Context>>);

impl Place {
    pub(crate) fn of(context: Arc<Context>) -> Self {
        Self(Some(context))
    }

    /// Runs `future` in the context.
    pub(crate) fn scope<F: Future>(self, future: F) -> Scoped<F> {
        Scoped {
            future,
            context: self,
        }
    }

    /// Runs `work` in the context, which is here again afterwards.
    pub(crate) fn during<T>(&mut self, work: impl FnOnce() -> T) -> T {
        CURRENT.with(|current| {
            let _entered = Entered::new(current, self);
            work()
        })
    }
}

/// While this lives the thread's context and its own have changed places.
struct Entered<'a> {
    current: &'a Cell<Option<Arc<Context>>>,
    own: &'a mut Place,
}

impl<'a> Entered<'a> {
    #[inline]
    fn new(current: &'a Cell<Option<Arc<Context>>>, own: &'a mut Place) -> Self {
        own.0 = current.replace(own.0.take());
        Self { current, own }
    }
}

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        self.own.0 = self.current.replace(self.own.0.take());
    }
}
