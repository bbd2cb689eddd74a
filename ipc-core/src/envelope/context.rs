//! What a handler's own calls inherit from the request it serves.

use std::future::Future;
use std::time::Duration;

use super::{Chain, Deadline, TraceContext, UnixMillis};

tokio::task_local! {
    static CURRENT: Context;
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
    /// The lanes held, the one of this request included.
    pub chain: Chain,
}

impl Context {
    /// The context of the running task; an empty one outside of any.
    #[must_use]
    pub fn current() -> Self {
        CURRENT.try_with(Self::clone).unwrap_or_default()
    }

    /// Runs `future` in this context.
    ///
    /// # Cancel safety
    ///
    /// As safe as `future` itself.
    pub fn scope<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, future)
    }

    /// Runs `work`, which does not wait, in this context.
    pub fn sync_scope<T>(self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, work)
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
