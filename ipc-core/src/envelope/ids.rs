//! Identities that travel in headers. All are opaque to whoever did not make them.

use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;
use uuid::{Builder, Uuid, Version};

use super::UnixMillis;

/// A UUIDv7: the milliseconds in 48 bits, and but for version and variant the random
/// bits of a UUIDv4. The `uuid` crate's own keeps order within a millisecond too, which
/// nobody here needs, and costs five times as much.
fn time_ordered() -> Uuid {
    let mut bytes = Uuid::new_v4().into_bytes();
    let millis = UnixMillis::now().0.to_be_bytes();
    bytes[..6].copy_from_slice(&millis[2..]);
    Builder::from_bytes(bytes)
        .with_version(Version::SortRand)
        .into_uuid()
}

/// Ties replies to their request. Ours are 16 raw bytes (UUIDv7); other clients
/// send text or other lengths, so it is never interpreted, only echoed.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CorrelationId(Bytes);

impl CorrelationId {
    /// A fresh id, ordered by time to the millisecond (UUIDv7, RFC 9562).
    #[must_use]
    pub fn random() -> Self {
        Self::from(time_ordered())
    }

    /// A fresh id as 36 characters of text, for peers that damage raw bytes.
    #[must_use]
    pub fn random_text() -> Self {
        Self(time_ordered().to_string().into())
    }

    /// Whether the id is printable ASCII: fit for a header read as text.
    #[must_use]
    pub fn is_text(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(u8::is_ascii_graphic)
    }

    /// The id's bytes as they stand on the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }
}

impl From<Uuid> for CorrelationId {
    fn from(id: Uuid) -> Self {
        // Its clones share the one allocation, which those of a copied slice do not.
        Self(Bytes::from_owner(id.into_bytes()))
    }
}

impl From<Bytes> for CorrelationId {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

/// A UUID for 16 bytes, text where it is printable ASCII, else hexadecimal.
impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printable = self.is_text();
        match (std::str::from_utf8(&self.0), Uuid::from_slice(&self.0)) {
            (Ok(text), _) if printable => f.write_str(text),
            (_, Ok(uuid)) => uuid.fmt(f),
            _ => self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

impl fmt::Debug for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CorrelationId({self})")
    }
}

/// `<fleet>/<boot id>`: one life of one caller. A reply that names another life
/// is not ours, even when it lands on our partition.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct CallerId(ByteString);

impl CallerId {
    /// A fresh identity for an instance of `fleet`.
    #[must_use]
    pub fn random(fleet: &str) -> Self {
        Self(format!("{fleet}/{}", Uuid::new_v4().simple()).into())
    }

    /// The identity as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The identity's bytes as they stand on the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &Bytes {
        self.0.as_bytes()
    }
}

impl From<ByteString> for CallerId {
    fn from(text: ByteString) -> Self {
        Self(text)
    }
}

impl fmt::Display for CallerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
