//! Which offset of a partition may be stored while records finish out of order.

use std::collections::VecDeque;

use tokio::time::Instant;

/// The records of one partition between the oldest unfinished one and the
/// newest seen.
///
/// The stored offset never passes the oldest unfinished record and never moves
/// back (I6). Offsets may have gaps, as compaction and transactions leave them.
#[derive(Debug, Default)]
pub(crate) struct OffsetWindow {
    entries: VecDeque<Entry>,
    /// The next offset to process after everything finished in a row.
    watermark: Option<i64>,
    /// The next offset to process before any record has arrived, where that is known.
    expected: Option<i64>,
}

#[derive(Debug)]
struct Entry {
    offset: i64,
    arrived: Instant,
    finished: bool,
}

impl OffsetWindow {
    /// Says which record is expected first.
    pub(crate) fn expect(&mut self, offset: i64) {
        self.expected = Some(offset);
    }

    /// Notes a record that arrived. False when it was seen before: the
    /// partition was rewound, and this record is already in hand or finished.
    #[inline]
    pub(crate) fn begin(&mut self, offset: i64, arrived: Instant) -> bool {
        let newest = self.entries.back().map(|entry| entry.offset);
        let next = newest.map_or(self.watermark, |newest| Some(newest + 1));
        if next.is_some_and(|next| offset < next) {
            return false;
        }
        self.entries.push_back(Entry {
            offset,
            arrived,
            finished: false,
        });
        true
    }

    /// Notes that a record is finished. Answers the next offset to process when
    /// that moved.
    #[inline]
    pub(crate) fn finish(&mut self, offset: i64) -> Option<i64> {
        let mut moved = None;
        if self.is_oldest(offset) {
            // Mostly records finish in the order they came in.
            self.entries.pop_front();
            moved = Some(offset + 1);
        } else if let Some(entry) = self
            .position(offset)
            .and_then(|at| self.entries.get_mut(at))
        {
            entry.finished = true;
        }
        while self.entries.front().is_some_and(|entry| entry.finished) {
            moved = self.entries.pop_front().map(|entry| entry.offset + 1);
        }
        self.watermark = moved.or(self.watermark);
        moved
    }

    /// Where a record stands. Mostly there are no gaps.
    fn position(&self, offset: i64) -> Option<usize> {
        let oldest = self.entries.front()?.offset;
        let without_gaps = usize::try_from(offset.checked_sub(oldest)?).ok()?;
        let stands_there = |entry: &Entry| entry.offset == offset;
        if self.entries.get(without_gaps).is_some_and(stands_there) {
            return Some(without_gaps);
        }
        let found = self
            .entries
            .binary_search_by_key(&offset, |entry| entry.offset);
        found.ok()
    }

    /// The next offset to process, once a record has arrived or one is expected.
    pub(crate) fn next(&self) -> Option<i64> {
        let oldest = self.entries.front().map(|entry| entry.offset);
        oldest.or(self.watermark).or(self.expected)
    }

    /// When the oldest unfinished record arrived.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.entries.front().map(|entry| entry.arrived)
    }

    /// How many records lie between the oldest unfinished one and the newest.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether this record is the oldest unfinished one.
    #[inline]
    pub(crate) fn is_oldest(&self, offset: i64) -> bool {
        self.entries
            .front()
            .is_some_and(|entry| entry.offset == offset)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_offset_waits_for_every_older_one() {
        let (arrived, mut window) = (Instant::now(), OffsetWindow::default());
        for offset in [5, 6, 9] {
            assert!(window.begin(offset, arrived));
        }
        assert_eq!(window.finish(9), None);
        assert_eq!(window.finish(5), Some(6));
        assert_eq!(window.finish(6), Some(10));
        assert_eq!(window.len(), 0);
    }

    #[test]
    fn a_record_seen_before_is_not_taken_twice() {
        let (arrived, mut window) = (Instant::now(), OffsetWindow::default());
        assert!(window.begin(5, arrived));
        assert!(!window.begin(5, arrived));
        assert_eq!(window.finish(5), Some(6));
        assert!(!window.begin(5, arrived));
        assert!(window.begin(6, arrived));
    }

    proptest! {
        #[test]
        fn the_watermark_never_passes_the_oldest_unfinished_and_never_moves_back(
            gaps in prop::collection::vec(1_i64..4, 1..60),
            order in prop::collection::vec(any::<prop::sample::Index>(), 60),
        ) {
            let (arrived, mut window) = (Instant::now(), OffsetWindow::default());
            let mut open = BTreeSet::new();
            let mut offset = 0;
            for gap in gaps {
                offset += gap;
                prop_assert!(window.begin(offset, arrived));
                open.insert(offset);
            }
            let mut last = i64::MIN;
            for index in order {
                if open.is_empty() {
                    break;
                }
                let chosen: Vec<i64> = open.iter().copied().collect();
                let finished = chosen[index.index(chosen.len())];
                open.remove(&finished);
                if let Some(next) = window.finish(finished) {
                    prop_assert!(next > last);
                    prop_assert!(open.first().is_none_or(|oldest| next <= *oldest));
                    last = next;
                }
            }
            if open.is_empty() {
                prop_assert_eq!(last, offset + 1);
                prop_assert_eq!(window.len(), 0);
            }
        }
    }
}
