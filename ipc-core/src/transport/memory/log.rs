//! One partition: records with offsets, kept for a while.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::broker::SessionId;
use crate::envelope::{Envelope, UnixMillis};

pub(super) struct Log {
    entries: VecDeque<Entry>,
    /// Offset of the first entry.
    start: i64,
    retention: Duration,
    /// Who reads here, and is woken by a new record.
    watchers: Vec<(SessionId, Arc<Notify>)>,
}

pub(super) struct Entry {
    pub(super) envelope: Envelope,
    pub(super) created: UnixMillis,
}

impl Log {
    pub(super) fn new(retention: Duration) -> Self {
        Self {
            entries: VecDeque::new(),
            start: 0,
            retention,
            watchers: Vec::new(),
        }
    }

    /// Offset of the oldest record kept.
    pub(super) fn start(&self) -> i64 {
        self.start
    }

    /// Offset of the next record.
    pub(super) fn end(&self) -> i64 {
        // A deque never holds more than `isize::MAX` entries.
        self.start + self.entries.len() as i64
    }

    pub(super) fn append(&mut self, envelope: Envelope, now: UnixMillis) -> i64 {
        self.forget_old(now);
        let offset = self.end();
        self.entries.push_back(Entry {
            envelope,
            created: now,
        });
        for (_, signal) in &self.watchers {
            signal.notify_one();
        }
        offset
    }

    fn forget_old(&mut self, now: UnixMillis) {
        while let Some(oldest) = self.entries.front()
            && now.since(oldest.created) > self.retention
        {
            self.entries.pop_front();
            self.start += 1;
        }
    }

    /// Where reading goes on from `position`: there, or at the oldest record
    /// when the log does not reach that far (`auto.offset.reset=earliest`).
    pub(super) fn in_range(&self, position: i64) -> i64 {
        if (self.start..=self.end()).contains(&position) {
            position
        } else {
            self.start
        }
    }

    /// At most `most` records from `position` on, with their offsets.
    pub(super) fn read(&self, position: i64, most: usize) -> impl Iterator<Item = (i64, &Entry)> {
        let skip = usize::try_from(position - self.start).unwrap_or(0);
        let entries = self.entries.range(skip.min(self.entries.len())..);
        (position..).zip(entries.take(most))
    }

    /// How many of the records kept are as young as `since`.
    pub(super) fn written_since(&self, since: UnixMillis) -> u64 {
        (self.entries.len() - self.older_than(since)) as u64
    }

    /// Offset of the first record as young as `since`.
    pub(super) fn first_since(&self, since: UnixMillis) -> i64 {
        // A deque never holds more than `isize::MAX` entries.
        self.start + self.older_than(since) as i64
    }

    fn older_than(&self, since: UnixMillis) -> usize {
        self.entries.partition_point(|entry| entry.created < since)
    }

    pub(super) fn watch(&mut self, session: SessionId, signal: Arc<Notify>) {
        self.watchers.push((session, signal));
    }

    pub(super) fn unwatch(&mut self, session: SessionId) {
        self.watchers.retain(|(watcher, _)| *watcher != session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_of(ages: &[u64]) -> Log {
        let mut log = Log::new(Duration::from_millis(100));
        for at in ages {
            log.append(Envelope::default(), UnixMillis(*at));
        }
        log
    }

    #[test]
    fn offsets_go_on_after_old_records_are_forgotten() {
        let log = log_of(&[0, 50, 120, 160]);
        assert_eq!((log.start(), log.end()), (2, 4));
        let offsets: Vec<i64> = log.read(2, 10).map(|(offset, _)| offset).collect();
        assert_eq!(offsets, [2, 3]);
    }

    #[test]
    fn a_position_outside_the_log_is_reset_to_the_oldest_record() {
        let log = log_of(&[0, 50, 120, 160]);
        assert_eq!(log.in_range(0), 2);
        assert_eq!(log.in_range(3), 3);
        assert_eq!(log.in_range(4), 4);
        assert_eq!(log.in_range(5), 2);
    }

    #[test]
    fn records_are_counted_from_a_point_in_time_on() {
        let log = log_of(&[0, 50, 50, 80]);
        let counts = [0, 50, 51, 81].map(|since| log.written_since(UnixMillis(since)));
        assert_eq!(counts, [4, 3, 1, 0]);
    }

    #[test]
    fn reading_stops_at_the_asked_number() {
        let log = log_of(&[0, 0, 0]);
        assert_eq!(log.read(1, 1).count(), 1);
        assert_eq!(log.read(3, 1).count(), 0);
    }
}
