//! Reading a partition of the dedup topic, and knowing that all of it is read.

use std::sync::Arc;

use uuid::Uuid;

use super::NAME;
use super::entry::Entry;
use super::partition::{Known, Partition};
use crate::envelope::UnixMillis;
use crate::store::StoreError;
use crate::transport::{Consumer, Event, Received, Start, TransportError};

/// The reader of one partition, once there is one. It goes on reading: what another
/// owner wrote late is known too.
#[derive(Default)]
pub(super) struct Restore {
    reader: Option<Consumer>,
}

impl Partition {
    /// Returns once everything is known that was stored before `assignment` began, or
    /// began again because another owner had. The first request sees to that, the
    /// others wait with it.
    pub(super) async fn restored(&self, assignment: u64) -> Result<(), StoreError> {
        if self.known.lock().is_owned_by(assignment) {
            return Ok(());
        }
        let mut restore = self.restore.lock().await;
        if self.known.lock().is_owned_by(assignment) {
            return Ok(());
        }
        if restore.reader.is_none() {
            restore.reader = Some(self.read().await.map_err(unreadable)?);
        }
        let nonce = Uuid::new_v4().as_u128();
        let begun = self.known.lock().announce(nonce, assignment);
        let begins = self.write(&Entry::Owner { nonce }).await;
        begins.map_err(|error| StoreError::new(NAME, error.to_string()))?;
        if begun.await.is_err() {
            restore.reader = None;
            return Err(StoreError::new(NAME, "its reader has ended"));
        }
        Ok(())
    }

    async fn read(&self) -> Result<Consumer, TransportError> {
        let (known, clock) = (Arc::clone(&self.known), Arc::clone(&self.transport));
        let inlet = move |event: Event| match event {
            Event::Records(batch) => {
                let now = clock.now();
                let mut known = known.lock();
                for received in &batch {
                    known.take(received, now);
                }
            }
            Event::Troubled(reason) => tracing::debug!(reason, "dedup store's reader in trouble"),
            Event::Closed => known.lock().hears_no_more(),
            Event::Assigned(_) | Event::Revoked(_) => {}
        };
        let transport = &self.transport;
        let place = self.place.clone();
        transport
            .read(place, Start::Beginning, Box::new(inlet))
            .await
    }
}

impl Known {
    fn take(&mut self, received: &Received, now: UnixMillis) {
        let offset = received.origin.offset;
        match Entry::of(&received.envelope) {
            Some(Entry::Done(digest, done)) => self.learn(digest, done, now),
            Some(Entry::Owner { nonce }) => self.begun(nonce, offset),
            None => tracing::debug!(offset, "no record of a dedup store"),
        }
    }
}

fn unreadable(error: TransportError) -> StoreError {
    StoreError::new(NAME, error.to_string())
}
