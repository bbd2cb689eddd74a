//! How many requests of one route may be under way, so that a slow one leaves the others
//! their share.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::config::InFlight;

/// How many requests of one route may be under way.
#[derive(Debug)]
pub(crate) struct Bulkhead {
    places: Arc<Semaphore>,
    bound: InFlight,
}

/// The place of one request, given back when it is dropped.
pub(crate) type Place = OwnedSemaphorePermit;

impl Bulkhead {
    pub(crate) fn new(bound: InFlight) -> Self {
        let places = Arc::new(Semaphore::new(bound.requests));
        Self { places, bound }
    }

    /// Whether it is of this bound.
    pub(crate) fn is(&self, bound: InFlight) -> bool {
        self.bound == bound
    }

    /// A place, for which is waited no longer than is said, in the order of coming.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the queue.
    pub(crate) async fn enter(&self) -> Option<Place> {
        let places = Arc::clone(&self.places);
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            return Some(place);
        }
        let wait = self.bound.wait.filter(|wait| *wait > Duration::ZERO)?;
        timeout(wait, places.acquire_owned()).await.ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn bulkhead(requests: usize, wait: Option<Duration>) -> Bulkhead {
        Bulkhead::new(InFlight { requests, wait })
    }

    #[tokio::test(start_paused = true)]
    async fn one_more_than_there_are_places_is_turned_away_at_once() {
        let bulkhead = bulkhead(2, None);
        let began = Instant::now();

        let held = [bulkhead.enter().await, bulkhead.enter().await];
        assert!(held.iter().all(Option::is_some));
        assert!(bulkhead.enter().await.is_none());
        assert_eq!(began.elapsed(), Duration::ZERO);

        drop(held);
        assert!(bulkhead.enter().await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_waited_for_as_long_as_is_said_and_no_longer() {
        let bulkhead = bulkhead(1, Some(2 * SECOND));
        let held = bulkhead.enter().await;
        let began = Instant::now();

        assert!(bulkhead.enter().await.is_none());
        assert_eq!(began.elapsed(), 2 * SECOND);

        let leaving = async {
            sleep(SECOND).await;
            drop(held);
        };
        let (entered, ()) = tokio::join!(bulkhead.enter(), leaving);
        assert!(entered.is_some());
        assert_eq!(began.elapsed(), 3 * SECOND);
    }
}
