//! Whether a connection is in use, and since when it is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::limits::metrics::Awaited;
use crate::watched::Watch;

/// How long a connection may be without a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// From its begin to the whole head of its first request.
    pub(super) header: Duration,
    /// From the end of an answer to the whole head of the next request.
    pub(super) idle: Duration,
}

/// The requests of one connection. Clones are of the same.
#[derive(Clone, Debug)]
pub(super) struct Activity(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    opened: Instant,
    under_way: AtomicUsize,
    /// Milliseconds from `opened` to the end of the request that ended last.
    ended: AtomicU64,
}

/// No request has ended yet.
const NONE: u64 = u64::MAX;

/// A request under way.
#[derive(Debug)]
pub(super) struct UnderWay(Activity);

impl Activity {
    /// That of a connection which begins now.
    pub(super) fn new() -> Self {
        Self(Arc::new(Inner {
            opened: Instant::now(),
            under_way: AtomicUsize::new(0),
            ended: AtomicU64::new(NONE),
        }))
    }

    /// Counts a request as under way until the guard is dropped.
    pub(super) fn begin(&self) -> UnderWay {
        self.0.under_way.fetch_add(1, Ordering::AcqRel);
        UnderWay(self.clone())
    }

    /// Whether a request is under way.
    pub(super) fn is_in_use(&self) -> bool {
        self.0.under_way.load(Ordering::Acquire) > 0
    }

    /// Resolves once the connection was without a request for too long, with what it
    /// waited for.
    ///
    /// # Cancel safety
    ///
    /// Safe: calling again goes on with it.
    pub(super) async fn out_of(&self, patience: Patience) -> Awaited {
        loop {
            let now = Instant::now();
            let (until, awaited) = self.until(patience, now);
            if until <= now {
                return awaited;
            }
            sleep_until(until).await;
        }
    }

    /// When patience ends at the earliest.
    fn until(&self, patience: Patience, now: Instant) -> (Instant, Awaited) {
        let this = &*self.0;
        if self.is_in_use() {
            // The last of them may end right now.
            return (now + patience.idle, Awaited::request);
        }
        match this.ended.load(Ordering::Acquire) {
            NONE => (this.opened + patience.header, Awaited::header),
            ended => {
                let ended = this.opened + Duration::from_millis(ended);
                (ended + patience.idle, Awaited::request)
            }
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let this = &*self.0.0;
        let ended = this.opened.elapsed().as_millis();
        let ended = u64::try_from(ended).unwrap_or(NONE - 1);
        // Told before the request is gone, so that a connection is never without both.
        this.ended.store(ended, Ordering::Release);
        this.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

/// It lasts until its answer is sent or given up.
impl Watch for UnderWay {}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const PATIENCE: Patience = Patience {
        header: Duration::from_secs(2),
        idle: Duration::from_secs(5),
    };

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_first_request_is_out_of_patience_sooner() {
        let began = Instant::now();

        assert_eq!(Activity::new().out_of(PATIENCE).await, Awaited::header);

        assert_eq!(began.elapsed(), PATIENCE.header);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_from_the_end_of_its_last_request() {
        let activity = Activity::new();
        let began = Instant::now();

        let requests = async {
            sleep(SECOND).await;
            let first = activity.begin();
            let second = activity.begin();
            sleep(60 * SECOND).await;
            drop(second);
            sleep(10 * SECOND).await;
            drop(first);
        };
        let (awaited, ()) = tokio::join!(activity.out_of(PATIENCE), requests);

        assert_eq!(awaited, Awaited::request);
        assert_eq!(began.elapsed(), 71 * SECOND + PATIENCE.idle);
    }
}
