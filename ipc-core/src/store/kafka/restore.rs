//! Reading a partition of the dedup topic, and knowing that all of it is read.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use uuid::Uuid;

use super::NAME;
use super::entry::Entry;
use super::partition::Partition;
use crate::store::{ClaimRequest, StoreError};
use crate::transport::{Consumer, Event, Received, Start, TransportError};

/// The reader of one partition, once there is one. It goes on reading: what an
/// earlier owner wrote late is known too.
#[derive(Default)]
pub(super) struct Restore {
    reading: Option<Reading>,
}

struct Reading {
    /// The last owner's record that came, and its offset.
    seen: watch::Receiver<(u128, i64)>,
    _reader: Consumer,
}

impl Partition {
    /// Returns once everything is known that was stored before `assignment` began.
    /// The first request of an assignment sees to that, the others wait with it.
    pub(super) async fn restored(
        &self,
        assignment: u64,
        request: &ClaimRequest,
    ) -> Result<(), StoreError> {
        if self.known.lock().is_owned_by(assignment) {
            return Ok(());
        }
        let restored = timeout(request.patience.max(Duration::from_secs(1)), async {
            let mut restore = self.restore.lock().await;
            if self.known.lock().is_owned_by(assignment) {
                return Ok(());
            }
            let reading = match &mut restore.reading {
                Some(reading) => reading,
                nothing => nothing.insert(self.read().await.map_err(unreadable)?),
            };
            let nonce = Uuid::new_v4().as_u128();
            let begins = self.write(&Entry::Owner { nonce }).await;
            begins.map_err(|error| StoreError::new(NAME, error.to_string()))?;
            let seen = reading.seen.wait_for(|(seen, _)| *seen == nonce).await;
            let (_, offset) = *seen.map_err(|_| StoreError::new(NAME, "its reader has ended"))?;
            self.known.lock().begin(assignment, offset);
            Ok(())
        });
        restored.await.unwrap_or_else(|_| {
            let place = &self.place;
            Err(StoreError::new(
                NAME,
                format!("{place} is not read to its end yet"),
            ))
        })
    }

    async fn read(&self) -> Result<Reading, TransportError> {
        let (told, seen) = watch::channel((0, -1));
        let known = std::sync::Arc::clone(&self.known);
        let clock = std::sync::Arc::clone(&self.transport);
        let take = move |received: Received| match Entry::of(&received.envelope) {
            Some(Entry::Done(digest, done)) => known.lock().learn(digest, done, clock.now()),
            Some(Entry::Owner { nonce }) => {
                let _ = told.send_replace((nonce, received.origin.offset));
            }
            None => tracing::debug!(
                offset = received.origin.offset,
                "no record of a dedup store"
            ),
        };
        let inlet = move |event: Event| match event {
            Event::Records(batch) => batch.into_iter().for_each(&take),
            Event::Troubled(reason) => tracing::debug!(reason, "dedup store's reader in trouble"),
            Event::Assigned(_) | Event::Revoked(_) | Event::Closed => {}
        };
        let transport = &self.transport;
        let reader = transport.read(self.place.clone(), Start::Beginning, Box::new(inlet));
        Ok(Reading {
            seen,
            _reader: reader.await?,
        })
    }
}

fn unreadable(error: TransportError) -> StoreError {
    StoreError::new(NAME, error.to_string())
}
