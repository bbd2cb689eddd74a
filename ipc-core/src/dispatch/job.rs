//! One record's way through dispatch.

use std::sync::Arc;

use bytes::Bytes;

use super::Record;
use super::delivery::Refusal;

/// A record with what dispatch notes of it on its way.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) record: Arc<Record>,
    /// How often it had to wait for *not now* to pass.
    pub(super) waits: u32,
    /// Whether it runs on the permits kept for nested calls.
    pub(super) in_reserve: bool,
    pub(super) stage: Stage,
}

/// How far a record is that was handed out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Stage {
    #[default]
    Open,
    /// It was handled, and what its handler wrote was refused: it is ended otherwise.
    Refused,
    /// What its handler wrote is committed: its caller is to be answered.
    Committed,
}

impl Job {
    pub(super) fn new(record: Arc<Record>) -> Self {
        Self {
            record,
            waits: 0,
            in_reserve: false,
            stage: Stage::default(),
        }
    }

    /// The same record, with nothing noted.
    pub(super) fn copy(&self) -> Self {
        Self::new(Arc::clone(&self.record))
    }

    /// What its handler was told, or could have been, is over: it is handled again.
    pub(super) fn forget_run(&mut self) {
        if self.record.withdrawal.get().is_some() {
            Arc::make_mut(&mut self.record).withdrawal.take();
        }
    }

    #[inline]
    pub(super) fn offset(&self) -> i64 {
        self.record.origin.offset
    }

    /// The key whose order this record keeps. A call that loops keeps none: its
    /// own caller holds the lane until it is answered. Nor does one that was handled.
    #[inline]
    pub(super) fn lane(&self) -> Option<&Bytes> {
        let key = self.record.envelope.key.as_ref();
        key.filter(|_| self.stage == Stage::Open && self.record.refusal != Some(Refusal::CallLoop))
    }

    /// Whether it is part of a call that another service of ours is handling.
    #[inline]
    pub(super) fn is_nested(&self) -> bool {
        !self.record.head.chain.is_empty()
    }
}
