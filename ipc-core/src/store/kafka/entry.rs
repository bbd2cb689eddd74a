//! Records of the dedup topic.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::envelope::{Envelope, UnixMillis};
use crate::store::{Fence, Fingerprint};

/// The first byte of a value.
const VERSION: u8 = 1;
/// Version, fingerprint, fence and time before the reply.
const FIXED: usize = 1 + 32 + 8 + 8;

pub(super) type Digest = [u8; 32];

/// A piece of work that is done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Done {
    pub(super) fingerprint: Fingerprint,
    /// Of the claim it was done under: the highest counts.
    pub(super) fence: Fence,
    /// Until when it is kept.
    pub(super) until: UnixMillis,
    /// As [`StoredReply::to_bytes`](crate::store::StoredReply::to_bytes) writes it.
    pub(super) reply: Bytes,
}

impl Done {
    pub(super) fn to_envelope(&self, digest: &Digest) -> Envelope {
        let mut value = BytesMut::with_capacity(FIXED + self.reply.len());
        value.put_u8(VERSION);
        value.put_slice(&self.fingerprint.0);
        value.put_u64(self.fence.0);
        value.put_u64(self.until.0);
        value.put_slice(&self.reply);
        Envelope {
            key: Some(Bytes::copy_from_slice(digest)),
            payload: Some(value.freeze()),
            ..Envelope::default()
        }
    }

    /// What a record says; `None` for what nobody of ours wrote.
    pub(super) fn of(envelope: &Envelope) -> Option<(Digest, Self)> {
        let digest = Digest::try_from(envelope.key.as_deref()?).ok()?;
        let mut value = envelope.payload.clone()?;
        if value.len() < FIXED || value.get_u8() != VERSION {
            return None;
        }
        let mut fingerprint = [0; 32];
        value.copy_to_slice(&mut fingerprint);
        let fence = Fence(value.get_u64());
        let until = UnixMillis(value.get_u64());
        let done = Self {
            fingerprint: Fingerprint(fingerprint),
            fence,
            until,
            reply: value,
        };
        Some((digest, done))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_entry_is_read_as_it_was_written(
            digest in any::<[u8; 32]>(),
            fingerprint in any::<[u8; 32]>(),
            fence in any::<u64>(),
            until in any::<u64>(),
            reply in any::<Vec<u8>>(),
        ) {
            let done = Done {
                fingerprint: Fingerprint(fingerprint),
                fence: Fence(fence),
                until: UnixMillis(until),
                reply: reply.into(),
            };
            prop_assert_eq!(Done::of(&done.to_envelope(&digest)), Some((digest, done)));
        }

        #[test]
        fn any_record_is_read_or_passed_over(
            key in proptest::option::of(any::<Vec<u8>>()),
            payload in proptest::option::of(any::<Vec<u8>>()),
        ) {
            let _ = Done::of(&Envelope {
                key: key.map(Bytes::from),
                payload: payload.map(Bytes::from),
                ..Envelope::default()
            });
        }
    }
}
