//! Reading a partition of the dedup topic, and knowing that all of it is read.

use std::sync::Arc;

use super::NAME;
use super::entry::Done;
use super::partition::{Known, Partition};
use crate::envelope::UnixMillis;
use crate::store::StoreError;
use crate::transport::{Behind, Followed, Follower, Received, TransportError};

impl Partition {
    /// Returns once everything is known that was stored before `assignment` began, or
    /// began again because another owner had. The first request sees to that, the
    /// others wait with it.
    pub(super) async fn restored(&self, assignment: u64) -> Result<(), StoreError> {
        if self.known.lock().is_owned_by(assignment) {
            return Ok(());
        }
        let mut follower = self.follower.lock().await;
        if self.known.lock().is_owned_by(assignment) {
            return Ok(());
        }
        let reading = match &mut *follower {
            Some(reading) => reading,
            nothing => nothing.insert(self.follow().await.map_err(|error| failed(&error))?),
        };
        match reading.catch_up().await {
            Ok(offset) => {
                self.known.lock().begin(assignment, offset);
                Ok(())
            }
            Err(error) => {
                if matches!(error, Behind::Ended) {
                    *follower = None;
                }
                Err(failed(&error))
            }
        }
    }

    async fn follow(&self) -> Result<Follower, TransportError> {
        let (known, clock) = (Arc::clone(&self.known), Arc::clone(&self.transport));
        let take = move |read: Followed| match read {
            Followed::Record(received) => known.lock().take(&received, clock.now()),
            Followed::Another(offset) => known.lock().another_began(offset),
        };
        Follower::open(&self.transport, self.place.clone(), take).await
    }
}

impl Known {
    fn take(&mut self, received: &Received, now: UnixMillis) {
        match Done::of(&received.envelope) {
            Some((digest, done)) => self.learn(digest, done, now),
            None => tracing::debug!(
                offset = received.origin.offset,
                "no record of a dedup store"
            ),
        }
    }
}

fn failed(error: &dyn std::error::Error) -> StoreError {
    StoreError::new(NAME, error.to_string())
}
