//! Reading a partition that its owner alone writes to, and knowing that all of it is read.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{
    Consumer, Event, Outgoing, Received, SendError, Start, TopicPartition, Transport,
    TransportError,
};
use crate::envelope::Envelope;

/// The key of the record by which an owner learns that it has read everything.
const OWNER: &[u8] = b"owner";

/// Reads a partition from its beginning, outside any group, and goes on reading: what
/// another owner writes late is known too.
pub(crate) struct Follower {
    place: TopicPartition,
    transport: Arc<dyn Transport>,
    beginning: Arc<Mutex<Option<Beginning>>>,
    #[expect(dead_code, reason = "ends the reading when it is dropped")]
    reader: Consumer,
}

/// What a follower reads.
pub(crate) enum Followed {
    Record(Received),
    /// Another owner has begun, at this offset: one before this, or after it.
    Another(i64),
}

/// An owner that waits until it reads what it has written.
struct Beginning {
    nonce: u128,
    told: oneshot::Sender<i64>,
}

/// Why it is not known whether everything is read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Behind {
    #[error(transparent)]
    Unwritten(#[from] SendError),
    #[error("its reader has ended")]
    Ended,
}

impl Follower {
    /// Reads `place` into `take`, on the reader's thread: it must not block.
    pub(crate) async fn open(
        transport: &Arc<dyn Transport>,
        place: TopicPartition,
        mut take: impl FnMut(Followed) + Send + 'static,
    ) -> Result<Self, TransportError> {
        let beginning: Arc<Mutex<Option<Beginning>>> = Arc::default();
        let waits = Arc::clone(&beginning);
        let inlet = move |event: Event| match event {
            Event::Records(batch) => {
                for received in batch {
                    let Some(nonce) = nonce(&received.envelope) else {
                        take(Followed::Record(received));
                        continue;
                    };
                    let offset = received.origin.offset;
                    let own = waits.lock().take_if(|it| it.nonce == nonce);
                    match own {
                        // Who waits no more begins another time.
                        Some(own) => drop(own.told.send(offset)),
                        None => take(Followed::Another(offset)),
                    }
                }
            }
            Event::Troubled(reason) => tracing::debug!(reason, "reader in trouble"),
            Event::Closed => *waits.lock() = None,
            Event::Assigned(_) | Event::Revoked(_) => {}
        };
        let reader = transport.read(place.clone(), Start::Beginning, Box::new(inlet));
        Ok(Self {
            reader: reader.await?,
            place,
            transport: Arc::clone(transport),
            beginning,
        })
    }

    /// Writes that an owner begins, and returns once everything before that is taken:
    /// with the offset at which it begins.
    pub(crate) async fn catch_up(&mut self) -> Result<i64, Behind> {
        let nonce = Uuid::new_v4().as_u128();
        let (told, begun) = oneshot::channel();
        *self.beginning.lock() = Some(Beginning { nonce, told });
        let record = Outgoing {
            topic: Arc::clone(&self.place.topic),
            partition: Some(self.place.partition),
            envelope: begins(nonce),
        };
        self.transport.append(&record).await?;
        begun.await.map_err(|_| Behind::Ended)
    }
}

/// The record by which an owner says that it begins.
fn begins(nonce: u128) -> Envelope {
    Envelope {
        key: Some(Bytes::from_static(OWNER)),
        payload: Some(Bytes::copy_from_slice(&nonce.to_be_bytes())),
        ..Envelope::default()
    }
}

/// The number by which an owner knows its own record.
fn nonce(envelope: &Envelope) -> Option<u128> {
    let owners = envelope.key.as_deref() == Some(OWNER);
    let value = envelope.payload.as_deref().filter(|_| owners)?;
    Some(u128::from_be_bytes(value.try_into().ok()?))
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_record_of_an_owner_is_read_as_it_was_written(number in any::<u128>()) {
            prop_assert_eq!(nonce(&begins(number)), Some(number));
        }

        #[test]
        fn any_record_is_an_owner_s_or_another(
            key in proptest::option::of(any::<Vec<u8>>()),
            payload in proptest::option::of(any::<Vec<u8>>()),
        ) {
            let _ = nonce(&Envelope {
                key: key.map(Bytes::from),
                payload: payload.map(Bytes::from),
                ..Envelope::default()
            });
        }
    }
}
