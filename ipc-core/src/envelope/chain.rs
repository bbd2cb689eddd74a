//! The lanes that the callers above a request hold while they wait for it.

use bytestring::ByteString;

/// How many lanes a chain remembers; of a longer one the oldest are forgotten.
pub const MAX_LANES: usize = 32;

/// More than [`MAX_LANES`] lanes with the longest names need.
const MAX_BYTES: usize = MAX_LANES * 300;

/// The value of `ipc-chain`: `<service>:<hash of the key>`, comma separated, the
/// oldest first.
///
/// A service that finds a lane of its own in it would wait for itself: it
/// answers 508 at once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Chain(ByteString);

impl Chain {
    /// Reads the header. `None` for what is not text, or longer than any chain
    /// this crate writes.
    #[must_use]
    pub fn parse(value: &bytes::Bytes) -> Option<Self> {
        let text = ByteString::try_from(value.clone()).ok()?;
        (text.len() <= MAX_BYTES).then_some(Self(text))
    }

    /// The header's value.
    #[must_use]
    pub fn as_text(&self) -> &ByteString {
        &self.0
    }

    /// Whether no lane is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the lane of `key` at `service` is held.
    #[must_use]
    pub fn holds(&self, service: &str, key: &[u8]) -> bool {
        let sought = lane(service, key);
        self.lanes().any(|lane| lane == sought)
    }

    /// This chain with one more lane. Names of services are topic names: no
    /// comma, no colon.
    #[must_use]
    pub fn with(&self, service: &str, key: &[u8]) -> Self {
        let forgotten = (self.lanes().count() + 1).saturating_sub(MAX_LANES);
        let mut lanes: Vec<&str> = self.lanes().skip(forgotten).collect();
        let newest = lane(service, key);
        lanes.push(&newest);
        Self(lanes.join(",").into())
    }

    fn lanes(&self) -> impl Iterator<Item = &str> {
        self.0
            .split(',')
            .map(str::trim_ascii)
            .filter(|lane| !lane.is_empty())
    }
}

fn lane(service: &str, key: &[u8]) -> String {
    format!("{service}:{:016x}", fnv1a(key))
}

/// FNV-1a with 64 bits: instances of all releases must agree, which std's hasher
/// does not promise. A collision costs one call a wrong 508.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
