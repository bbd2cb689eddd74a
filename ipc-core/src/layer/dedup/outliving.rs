//! Storing a reply that nobody waits for any more.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// Work that goes on among `tasks`, for as long as `bound`, when this is dropped before
/// its end: a handler has had its effect, and a repetition must find that.
pub(super) struct Outliving<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    /// `None` once it has ended.
    work: Option<Pin<Box<F>>>,
    tasks: TaskTracker,
    bound: Duration,
}

impl<F> Outliving<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    pub(super) fn new(work: F, tasks: &TaskTracker, bound: Duration) -> Self {
        Self {
            work: Some(Box::pin(work)),
            tasks: tasks.clone(),
            bound,
        }
    }
}

impl<F> Future for Outliving<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Some(work) = &mut self.work else {
            return Poll::Pending;
        };
        let ended = work.as_mut().poll(cx);
        if ended.is_ready() {
            self.work = None;
        }
        ended
    }
}

impl<F> Drop for Outliving<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn drop(&mut self) {
        let Some(work) = self.work.take() else {
            return;
        };
        // Without a runtime nobody is left to do it.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let bounded = timeout(self.bound, work);
        self.tasks.spawn_on(async { drop(bounded.await) }, &runtime);
    }
}
