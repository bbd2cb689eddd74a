//! One record's way through dispatch.

use bytes::Bytes;
use tokio::time::Instant;

use super::Delivery;
use super::assignment::Assignment;
use super::delivery::Refusal;

/// A delivery with what dispatch needs to finish it.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) delivery: Delivery,
    /// The offsets of the chunks that came after the first, where it came in chunks.
    pub(super) more_offsets: Vec<i64>,
    pub(super) assignment: Assignment,
    /// When it arrived.
    pub(super) received: Instant,
    /// How often it had to wait for *not now* to pass.
    pub(super) waits: u32,
    /// Whether it runs on the permits kept for nested calls.
    pub(super) in_reserve: bool,
}

impl Job {
    pub(super) fn offset(&self) -> i64 {
        self.delivery.origin.offset
    }

    /// The key whose order this record keeps. A call that loops keeps none: its
    /// own caller holds the lane until it is answered.
    pub(super) fn lane(&self) -> Option<&Bytes> {
        let key = self.delivery.envelope.key.as_ref();
        key.filter(|_| self.delivery.refusal != Some(Refusal::CallLoop))
    }

    /// Whether it is part of a call that another service of ours is handling.
    pub(super) fn is_nested(&self) -> bool {
        !self.delivery.head.chain.is_empty()
    }
}
