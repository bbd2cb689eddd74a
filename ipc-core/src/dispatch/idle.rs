//! Tasks that have run out of work and wait for more.
//!
//! To wake one costs a fraction of what a new one costs: its memory, its place among
//! the runtime's tasks and the state of a whole run are there already.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use super::moment::Moment;
use super::work::Work;

/// Tasks that are kept: a burst leaves no more behind.
const MOST: usize = 64;

/// Records for one task, one after the other.
pub(super) struct Share {
    pub(super) works: VecDeque<Work>,
    /// When they were handed out.
    pub(super) since: Moment,
}

/// The tasks that wait, and what their shares came in.
#[derive(Default)]
pub(super) struct Idle {
    desks: Mutex<Vec<Arc<Desk>>>,
    /// Empty, with room for the works of another share.
    spent: Mutex<Vec<VecDeque<Work>>>,
}

/// Where one task finds its next share.
#[derive(Default)]
pub(super) struct Desk(Mutex<Place>);

#[derive(Default)]
struct Place {
    share: Option<Share>,
    waiting: Option<Waker>,
}

impl Idle {
    /// What the works of a share are put in: one that was of use before, if any is left.
    pub(super) fn works(&self) -> VecDeque<Work> {
        self.spent.lock().pop().unwrap_or_default()
    }

    /// Gives the share to a task that waits; answers it where none does.
    pub(super) fn take(&self, share: Share) -> Option<Share> {
        let Some(desk) = self.desks.lock().pop() else {
            return Some(share);
        };
        desk.put(share);
        None
    }

    /// Waits for a share, with what the last one came in left for others; `None` where
    /// enough tasks wait already.
    pub(super) async fn wait(&self, desk: &Arc<Desk>, spent: VecDeque<Work>) -> Option<Share> {
        {
            let mut desks = self.desks.lock();
            if desks.len() >= MOST {
                return None;
            }
            desks.push(Arc::clone(desk));
            drop(desks);
            self.keep(spent);
        }
        Some(poll_fn(|cx| desk.poll(cx)).await)
    }

    fn keep(&self, spent: VecDeque<Work>) {
        let mut kept = self.spent.lock();
        if kept.len() < MOST {
            kept.push(spent);
        }
    }
}

impl Desk {
    fn put(&self, share: Share) {
        let mut place = self.0.lock();
        place.share = Some(share);
        let waiting = place.waiting.take();
        drop(place);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Share> {
        let mut place = self.0.lock();
        match place.share.take() {
            Some(share) => Poll::Ready(share),
            None => {
                place.waiting = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::task::JoinSet;
    use tokio::time::Instant;

    use super::*;
    use crate::envelope::UnixMillis;

    fn share(wall: u64) -> Share {
        let since = Moment {
            at: Instant::now(),
            wall: UnixMillis(wall),
        };
        Share {
            works: VecDeque::new(),
            since,
        }
    }

    #[tokio::test]
    async fn a_share_wakes_a_task_that_waits_and_comes_back_where_none_does() {
        let idle = Arc::new(Idle::default());
        assert!(idle.take(share(6)).is_some());
        let mut tasks = JoinSet::new();
        let waits = Arc::clone(&idle);
        tasks.spawn(async move { waits.wait(&Arc::default(), VecDeque::new()).await });
        tokio::task::yield_now().await;
        assert!(idle.take(share(7)).is_none());
        let given = tasks.join_next().await.and_then(Result::ok).flatten();
        assert_eq!(given.map(|given| given.since.wall), Some(UnixMillis(7)));
        assert!(idle.take(share(8)).is_some());
    }

    #[tokio::test]
    async fn no_more_tasks_wait_than_are_kept() {
        let idle = Idle::default();
        let desks: Vec<Arc<Desk>> = (0..=MOST).map(|_| Arc::default()).collect();
        let mut waiting: Vec<_> = desks
            .iter()
            .map(|desk| Box::pin(idle.wait(desk, VecDeque::new())))
            .collect();
        let ended = waiting
            .iter_mut()
            .filter_map(|wait| wait.now_or_never())
            .filter(Option::is_none);
        assert_eq!(ended.count(), 1);
    }
}
