//! What ends a connection, beside its client.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::activity::{Activity, Patience};
use crate::config::Limits;
use crate::limits::metrics::{Awaited, LimitMetrics};

/// How long a connection that is closed for want of requests may take to end well.
const FAREWELL: Duration = Duration::from_secs(5);

/// What ends a connection, beside its client.
pub(super) struct Ending<'a> {
    draining: CancellationToken,
    activity: Activity,
    patience: Patience,
    metrics: &'a LimitMetrics,
}

impl<'a> Ending<'a> {
    /// The end of a connection that has `activity`: `draining` lets the requests under way
    /// be its last, and so does its being without a request for too long.
    pub(super) fn new(
        limits: &Limits,
        metrics: &'a LimitMetrics,
        activity: Activity,
        draining: CancellationToken,
    ) -> Self {
        Self {
            draining,
            activity,
            patience: Patience {
                header: limits.header_timeout,
                idle: limits.idle_timeout,
            },
            metrics,
        }
    }

    /// Waits for what comes before the first request; `None` where the end comes first.
    ///
    /// # Cancel safety
    ///
    /// As safe as `first` is.
    pub(super) async fn before<F: Future>(&self, first: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            first = first => Some(first),
            () = self.draining.cancelled() => None,
            awaited = self.activity.out_of(self.patience) => {
                self.metrics.connection_timed_out(awaited);
                None
            }
        }
    }

    /// Has a connection be served to its end; `last` has it take no more requests.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection.
    pub(super) async fn of<C>(&self, serving: C, last: fn(Pin<&mut C>)) -> C::Output
    where
        C: Future<Output = hyper::Result<()>>,
    {
        tokio::pin!(serving);
        tokio::select! {
            biased;
            ended = serving.as_mut() => ended,
            () = self.draining.cancelled() => {
                last(serving.as_mut());
                serving.await
            }
            awaited = self.activity.out_of(self.patience) => {
                self.metrics.connection_timed_out(awaited);
                if awaited == Awaited::request {
                    last(serving.as_mut());
                    // A request may just have come, and is still answered.
                    while timeout(FAREWELL, serving.as_mut()).await.is_err()
                        && self.activity.is_in_use()
                    {}
                }
                Ok(())
            }
        }
    }
}
