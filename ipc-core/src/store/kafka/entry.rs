//! Records of the dedup topic.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::envelope::{Envelope, Headers, UnixMillis};
use crate::store::{Fence, Fingerprint};

/// The first byte of a value.
const VERSION: u8 = 1;
/// The key of the record by which an owner learns that it has read everything.
const OWNER: &[u8] = b"owner";
/// Version, fingerprint, fence and time before the reply.
const FIXED: usize = 1 + 32 + 8 + 8;

pub(super) type Digest = [u8; 32];

/// What a record of the topic says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Entry {
    /// A piece of work is done.
    Done(Digest, Done),
    /// An owner begins: everything before this it has read.
    Owner { nonce: u128 },
}

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

impl Entry {
    pub(super) fn to_envelope(&self) -> Envelope {
        let (key, payload) = match self {
            Self::Done(digest, done) => {
                let mut value = BytesMut::with_capacity(FIXED + done.reply.len());
                value.put_u8(VERSION);
                value.put_slice(&done.fingerprint.0);
                value.put_u64(done.fence.0);
                value.put_u64(done.until.0);
                value.put_slice(&done.reply);
                (Bytes::copy_from_slice(digest), value.freeze())
            }
            Self::Owner { nonce } => {
                let value = Bytes::copy_from_slice(&nonce.to_be_bytes());
                (Bytes::from_static(OWNER), value)
            }
        };
        Envelope {
            headers: Headers::new(),
            key: Some(key),
            payload: Some(payload),
        }
    }

    /// What a record says; `None` for what nobody of ours wrote.
    pub(super) fn of(envelope: &Envelope) -> Option<Self> {
        let key = envelope.key.as_deref()?;
        let mut value = envelope.payload.clone()?;
        if key == OWNER {
            let nonce = u128::from_be_bytes(value.as_ref().try_into().ok()?);
            return Some(Self::Owner { nonce });
        }
        let digest = Digest::try_from(key).ok()?;
        if value.len() < FIXED || value.get_u8() != VERSION {
            return None;
        }
        let mut fingerprint = [0; 32];
        value.copy_to_slice(&mut fingerprint);
        let fence = Fence(value.get_u64());
        let until = UnixMillis(value.get_u64());
        let done = Done {
            fingerprint: Fingerprint(fingerprint),
            fence,
            until,
            reply: value,
        };
        Some(Self::Done(digest, done))
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
            nonce in any::<u128>(),
        ) {
            let done = Done {
                fingerprint: Fingerprint(fingerprint),
                fence: Fence(fence),
                until: UnixMillis(until),
                reply: reply.into(),
            };
            for entry in [Entry::Done(digest, done), Entry::Owner { nonce }] {
                prop_assert_eq!(Entry::of(&entry.to_envelope()), Some(entry));
            }
        }

        #[test]
        fn any_record_is_read_or_passed_over(
            key in proptest::option::of(any::<Vec<u8>>()),
            payload in proptest::option::of(any::<Vec<u8>>()),
        ) {
            let _ = Entry::of(&Envelope {
                headers: Headers::new(),
                key: key.map(Bytes::from),
                payload: payload.map(Bytes::from),
            });
        }
    }
}
