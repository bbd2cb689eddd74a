//! The end of a stream, as far as it is kept.

use std::collections::VecDeque;

use crate::upstream::ReplyRecord;

/// The newest records of a stream: as many as fit, and one at least.
#[derive(Debug)]
pub(super) struct Tail {
    /// In order, without gaps.
    records: VecDeque<ReplyRecord>,
    bytes: usize,
    most: usize,
}

impl Tail {
    /// Keeps `most` bytes.
    pub(super) fn new(most: usize) -> Self {
        Self {
            records: VecDeque::new(),
            bytes: 0,
            most,
        }
    }

    pub(super) fn push(&mut self, record: ReplyRecord) {
        self.bytes += size(&record);
        self.records.push_back(record);
        while self.bytes > self.most && self.records.len() > 1 {
            let gone = self.records.pop_front();
            self.bytes -= gone.as_ref().map_or(0, size);
        }
    }

    /// The record behind the one at `seq`, the first where there is none.
    pub(super) fn after(&self, seq: Option<u32>) -> Option<&ReplyRecord> {
        let first = self.records.front()?.seq;
        let next = seq.map_or(Some(first), |seq| seq.checked_add(1))?;
        self.records.get(next.checked_sub(first)? as usize)
    }

    /// Whether the record at `seq` was one, and all behind it are here.
    pub(super) fn reaches_back_to(&self, seq: u32) -> bool {
        let first = self.records.front().map(|record| record.seq);
        first.is_some_and(|first| first <= seq.saturating_add(1)) && Some(seq) <= self.last()
    }

    /// The position of the newest record.
    pub(super) fn last(&self) -> Option<u32> {
        self.records.back().map(|record| record.seq)
    }
}

/// What a record takes; an empty one takes something, too.
fn size(record: &ReplyRecord) -> usize {
    size_of::<ReplyRecord>() + record.payload.len()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn record(seq: u32, length: usize) -> ReplyRecord {
        let payload = Bytes::from(vec![b'x'; length]);
        ReplyRecord { seq, payload }
    }

    #[test]
    fn a_record_that_is_larger_than_the_bound_is_kept_until_the_next() {
        let mut tail = Tail::new(10);

        tail.push(record(1, 100));
        assert_eq!(tail.after(None).map(|record| record.seq), Some(1));
        tail.push(record(2, 100));

        assert!(!tail.reaches_back_to(0));
        assert!(tail.reaches_back_to(1));
        assert!(tail.reaches_back_to(2));
        assert!(!tail.reaches_back_to(3));
        assert_eq!(tail.after(Some(2)), None);
    }

    proptest! {
        #[test]
        fn whoever_it_reaches_back_to_misses_nothing(
            first in 0_u32..3,
            lengths in prop::collection::vec(0_usize..200, 1..40),
            most in 1_usize..2000,
            stands in 0_u32..50,
        ) {
            let mut tail = Tail::new(most);
            for (seq, length) in (first..).zip(&lengths) {
                tail.push(record(seq, *length));
                prop_assert!(tail.bytes <= most || tail.records.len() == 1);
            }
            if !tail.reaches_back_to(stands) {
                return Ok(());
            }

            let mut sent = stands;
            while let Some(next) = tail.after(Some(sent)) {
                prop_assert_eq!(next.seq, sent + 1);
                sent = next.seq;
            }
            prop_assert_eq!(Some(sent), tail.last());
        }
    }
}
