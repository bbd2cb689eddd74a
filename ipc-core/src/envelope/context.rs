//! What a handler's own calls inherit from the request it serves.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::futures::TaskLocalFuture;

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
    /// The lanes held by the callers above.
    pub chain: Chain,
    /// The lane of this request, where it has one.
    pub lane: Option<Lane>,
}

/// The records of one key at one service: one is handled after the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lane {
    /// The service.
    pub service: Arc<str>,
    /// The key.
    pub key: Bytes,
}

/// A future that runs in a [`Context`].
pub type Scoped<F> = TaskLocalFuture<Context, F>;

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
    pub fn scope<F: Future>(self, future: F) -> Scoped<F> {
        CURRENT.scope(self, future)
    }

    /// Runs `work`, which does not wait, in this context.
    pub fn sync_scope<T>(self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, work)
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
