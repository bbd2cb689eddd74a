//! Replies as they are stored.

use bytes::Bytes;
use bytestring::ByteString;
use serde::{Deserialize, Serialize};

/// The first byte of what [`StoredReply::to_bytes`] writes.
const VERSION: u8 = 1;

/// What a repetition is answered with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoredReply {
    /// HTTP status.
    pub status: u16,
    /// HTTP headers in their order, names in lower case.
    pub headers: Vec<(ByteString, Bytes)>,
    /// The body.
    pub body: StoredBody,
}

/// A body, or that it is not there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoredBody {
    /// All of it.
    Whole(Bytes),
    /// It was longer than the service keeps: only its length is known, and where it
    /// broke off or had no end, not even that.
    TooLarge {
        /// In bytes.
        length: Option<u64>,
    },
    /// The replies of a stream, in their order.
    Stream(Vec<Bytes>),
}

impl std::fmt::Debug for StoredBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Self::TooLarge { length } => write!(f, "TooLarge({length:?})"),
            Self::Stream(replies) => write!(f, "Stream({} replies)", replies.len()),
        }
    }
}

/// The bytes are no stored reply that this version can read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "a stored reply cannot be read: it begins with version {found:?}, this is version {VERSION}"
)]
pub struct ReplyTooOld {
    /// The version they begin with.
    pub found: Option<u8>,
}

impl StoredReply {
    /// A reply with its whole body.
    #[must_use]
    pub fn new(status: u16, headers: Vec<(ByteString, Bytes)>, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers,
            body: StoredBody::Whole(body.into()),
        }
    }

    /// A reply that was too large to be kept.
    #[must_use]
    pub fn too_large(status: u16, length: Option<u64>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: StoredBody::TooLarge { length },
        }
    }

    /// What is left of it where it does not fit its store: that it was there.
    #[must_use]
    pub fn without_body(&self) -> Self {
        let length = match &self.body {
            StoredBody::Whole(body) => Some(body.len() as u64),
            StoredBody::TooLarge { length } => *length,
            StoredBody::Stream(replies) => Some(replies.iter().map(|it| it.len() as u64).sum()),
        };
        Self::too_large(self.status, length)
    }

    /// A version, and the fields in the format of the crate `postcard`.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let buffer = vec![VERSION];
        // Numbers, texts and bytes only, into memory: writing cannot fail.
        postcard::to_extend(self, buffer).unwrap_or_default().into()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    ///
    /// [`ReplyTooOld`] where another version, or nobody, wrote it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ReplyTooOld> {
        match bytes.split_first() {
            Some((&VERSION, fields)) => postcard::from_bytes(fields).map_err(|_| ReplyTooOld {
                found: Some(VERSION),
            }),
            other => Err(ReplyTooOld {
                found: other.map(|(version, _)| *version),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bodies() -> impl Strategy<Value = StoredBody> {
        prop_oneof![
            any::<Vec<u8>>().prop_map(|body| StoredBody::Whole(body.into())),
            any::<Option<u64>>().prop_map(|length| StoredBody::TooLarge { length }),
            proptest::collection::vec(any::<Vec<u8>>(), 0..8).prop_map(|replies| {
                StoredBody::Stream(replies.into_iter().map(Bytes::from).collect())
            }),
        ]
    }

    proptest! {
        #[test]
        fn a_stored_reply_is_read_as_it_was_written(
            status in 100..600_u16,
            headers in proptest::collection::vec(("[a-z-]{1,20}", any::<Vec<u8>>()), 0..8),
            body in bodies(),
        ) {
            let headers = headers
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect();
            let reply = StoredReply { status, headers, body };
            prop_assert_eq!(StoredReply::from_bytes(&reply.to_bytes()), Ok(reply));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
            let _ = StoredReply::from_bytes(&bytes);
        }
    }

    #[test]
    fn another_version_is_named() {
        let error = StoredReply::from_bytes(&[9, 1, 2]).unwrap_err();
        assert_eq!(error.found, Some(9));
    }
}
