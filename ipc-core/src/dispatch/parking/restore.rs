//! Reading what is parked of a partition, once it is assigned.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::entry::{self, Said};
use super::topics::{Entrance, Entries, Found, PAUSE, Parked};
use crate::dispatch::assignment::Assignment;
use crate::transport::{Behind, Followed, Follower, TopicPartition, Transport, TransportError};

/// How long the end of a partition is waited for until it is marked anew.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is to be known of one assigned partition.
pub(super) struct Restore {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) assignment: Assignment,
    /// Where its records are parked.
    pub(super) place: TopicPartition,
    pub(super) of: TopicPartition,
    pub(super) committed: Option<i64>,
    pub(super) gone: CancellationToken,
}

/// What becomes of the entries that are read.
enum Reading {
    /// They are kept until everything is read.
    Gathers(Entries),
    /// Those of owners before this one are told.
    Watches { fence: i64 },
}

impl Restore {
    /// Reads all entries there are, and tells them, and later what earlier owners write
    /// all the same.
    pub(super) async fn run(
        &self,
        tell: impl Fn(Parked) + Clone + Send + 'static,
    ) -> Result<(), TransportError> {
        let reading = Arc::new(Mutex::new(Reading::Gathers(BTreeMap::new())));
        let take = self.taking(Arc::clone(&reading), tell.clone());
        let mut follower = Follower::open(&self.transport, self.place.clone(), take).await?;
        let fence = self.catch_up(&mut follower).await?;
        let entrance = Entrance::new(
            Arc::clone(&self.transport),
            self.place.clone(),
            fence,
            self.gone.clone(),
        );
        // Held until it is told: nothing that is late is told before.
        let mut reading = reading.lock();
        if let Reading::Gathers(entries) = mem::replace(&mut *reading, Reading::Watches { fence }) {
            let found = Found {
                entries,
                committed: self.committed,
                entrance,
                follower,
            };
            tell(Parked::Found(self.assignment, Box::new(found)));
        }
        Ok(())
    }

    /// What is done with each record that is read.
    fn taking(
        &self,
        reading: Arc<Mutex<Reading>>,
        tell: impl Fn(Parked) + Send + 'static,
    ) -> impl FnMut(Followed) + Send + 'static {
        let (assignment, of) = (self.assignment, self.of.clone());
        move |read: Followed| {
            // Which owner counts is told by the fences of entries.
            let Followed::Record(received) = read else {
                return;
            };
            let at = received.origin.offset;
            let Some((place, said)) = entry::read(received, &of) else {
                return tracing::debug!(offset = at, "no parked record");
            };
            let (offset, by) = place;
            match &mut *reading.lock() {
                Reading::Gathers(entries) => drop(entries.insert(place, said)),
                Reading::Watches { fence } if by < *fence && matches!(said, Said::Parked(_)) => {
                    tell(Parked::Late(assignment, offset, by));
                }
                Reading::Watches { .. } => {}
            }
        }
    }

    /// Waits until everything there is has been read. Answers the fence of this owner.
    async fn catch_up(&self, follower: &mut Follower) -> Result<i64, TransportError> {
        loop {
            match timeout(PATIENCE, follower.catch_up()).await {
                Ok(Ok(offset)) => return Ok(offset),
                Ok(Err(error @ Behind::Ended)) => {
                    return Err(TransportError::other(error.to_string()));
                }
                Ok(Err(error)) => tracing::warn!(%error, "{} is not read yet", self.place),
                Err(_) => tracing::warn!("{} is not read to its end yet", self.place),
            }
            sleep(PAUSE).await;
        }
    }
}
