//! What the broker knows of one consumer.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::broker::ProcessId;
use super::faults::{Faults, Fetch};
use super::group::{Committed, Group};
use super::log::Log;
use crate::transport::{Origin, Received, Timestamp, TopicPartition};

/// How often stored offsets are committed.
pub const COMMIT_INTERVAL: Duration = Duration::from_secs(1);
/// Most records in one event.
const BATCH: usize = 512;

pub(super) struct Session {
    process: ProcessId,
    /// The group it is a member of; a reader has none.
    group: Option<Arc<str>>,
    /// Wakes its task: there is something to report.
    signal: Arc<Notify>,
    /// What it is told before any record.
    notices: VecDeque<Notice>,
    /// Set once it is to end: when it stops waiting for a revocation.
    closing: Option<Instant>,
    /// When stored offsets are committed in the background.
    commit_at: Option<Instant>,
    /// Set where its group has forgotten it: when it joins again, and for which topics.
    rejoins: Option<(Instant, Vec<Arc<str>>)>,
    /// What it reads, sorted by partition.
    positions: Vec<Position>,
    /// Index of the position to read first, so that no partition starves.
    turn: usize,
    /// Whether it is to be told when everything is read.
    looks_for_end: bool,
    /// Whether transactions commit its offsets, and nothing else.
    pub(super) transactional: bool,
}

pub(super) enum Notice {
    Assigned(Vec<TopicPartition>),
    Revoked(Vec<TopicPartition>),
    /// They are somebody else's already.
    Lost(Vec<TopicPartition>),
    Troubled(String),
}

/// How far one partition is read.
pub(super) struct Position {
    partition: TopicPartition,
    /// Index of its log.
    pub(super) log: usize,
    /// The generation that gave it.
    pub(super) since: u64,
    /// The next offset to read.
    next: i64,
    /// The next offset to process, where it was stored and not committed yet.
    stored: Option<Committed>,
    paused: bool,
    /// It is being taken away.
    leaving: bool,
    /// Set by a fault: nothing is read before.
    retry_at: Option<Instant>,
}

impl Session {
    pub(super) fn new(process: ProcessId, group: Option<Arc<str>>, signal: Arc<Notify>) -> Self {
        Self {
            process,
            group,
            signal,
            notices: VecDeque::new(),
            closing: None,
            commit_at: None,
            rejoins: None,
            positions: Vec::new(),
            turn: 0,
            looks_for_end: false,
            transactional: false,
        }
    }

    /// The same, told once when everything is read.
    pub(super) fn looking_for_end(mut self, looks_for_end: bool) -> Self {
        self.looks_for_end = looks_for_end;
        self
    }

    pub(super) fn process(&self) -> ProcessId {
        self.process
    }

    pub(super) fn signal(&self) -> Arc<Notify> {
        Arc::clone(&self.signal)
    }

    pub(super) fn closing(&self) -> Option<Instant> {
        self.closing
    }

    pub(super) fn positions(&self) -> &[Position] {
        &self.positions
    }

    pub(super) fn group(&self) -> Option<Arc<str>> {
        self.group.clone()
    }

    pub(super) fn forget_positions(&mut self) -> Vec<Position> {
        std::mem::take(&mut self.positions)
    }

    pub(super) fn into_group(self) -> Option<Arc<str>> {
        self.group
    }

    /// Its group and the group's name.
    pub(super) fn group_in<'g>(
        &self,
        groups: &'g mut BTreeMap<Arc<str>, Group>,
    ) -> Option<(Arc<str>, &'g mut Group)> {
        let name = self.group.clone()?;
        let group = groups.get_mut(&name)?;
        Some((name, group))
    }

    pub(super) fn wake(&self) {
        self.signal.notify_one();
    }

    pub(super) fn notify(&mut self, notice: Notice) {
        self.notices.push_back(notice);
        self.wake();
    }

    pub(super) fn next_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// It joins its group again at this time.
    pub(super) fn rejoin(&mut self, topics: Vec<Arc<str>>, at: Instant) {
        self.rejoins = Some((at, topics));
        self.wake();
    }

    /// The topics to join its group for again, once it is time.
    pub(super) fn rejoins(&mut self, now: Instant) -> Option<Vec<Arc<str>>> {
        if self.closing.is_some() {
            self.rejoins = None;
        }
        let (_, topics) = self.rejoins.take_if(|(at, _)| *at <= now)?;
        Some(topics)
    }

    /// Ends it once its revocations are through, at the earliest `by` given.
    pub(super) fn close(&mut self, by: Instant) {
        self.closing = Some(self.closing.map_or(by, |earlier| earlier.min(by)));
        self.wake();
    }

    pub(super) fn add(&mut self, position: Position) {
        if let Err(at) = self.find(&position.partition) {
            self.positions.insert(at, position);
        }
    }

    /// These are being taken away, and read until they are let go.
    pub(super) fn leave(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            if let Some(position) = self.position(partition) {
                position.leaving = true;
            }
        }
    }

    /// Lets go of what is being taken away; of what has been given anew since, not.
    pub(super) fn remove_leaving(&mut self, partition: &TopicPartition) -> Option<Position> {
        let at = self.find(partition).ok()?;
        self.positions[at]
            .leaving
            .then(|| self.positions.remove(at))
    }

    /// The generation that gave it this partition.
    pub(super) fn since(&self, partition: &TopicPartition) -> Option<u64> {
        let at = self.find(partition).ok()?;
        Some(self.positions[at].since)
    }

    fn find(&self, partition: &TopicPartition) -> Result<usize, usize> {
        self.positions
            .binary_search_by(|position| position.partition.cmp(partition))
    }

    fn position(&mut self, partition: &TopicPartition) -> Option<&mut Position> {
        let at = self.find(partition).ok()?;
        Some(&mut self.positions[at])
    }

    pub(super) fn set_paused(&mut self, partitions: &[TopicPartition], paused: bool) {
        for partition in partitions {
            if let Some(position) = self.position(partition) {
                position.paused = paused;
            }
        }
        self.wake();
    }

    /// False where one of the partitions is not its own.
    pub(super) fn store<C: Clone + Into<Committed>>(
        &mut self,
        offsets: &[(TopicPartition, C)],
    ) -> bool {
        let mut all = true;
        for (partition, next) in offsets {
            match self.position(partition) {
                Some(position) => position.stored = Some(next.clone().into()),
                None => all = false,
            }
        }
        if self.commit_at.is_none() {
            self.commit_at = Some(Instant::now() + COMMIT_INTERVAL);
            self.wake();
        }
        all
    }

    pub(super) fn commit_is_due(&self, now: Instant) -> bool {
        self.commit_at.is_some_and(|at| at <= now)
    }

    /// What was stored since the last call, with the generation that gave the
    /// partition.
    pub(super) fn take_stored(
        &mut self,
    ) -> impl Iterator<Item = (&TopicPartition, u64, Committed)> {
        self.commit_at = None;
        self.positions.iter_mut().filter_map(|position| {
            let offset = position.stored.take()?;
            Some((&position.partition, position.since, offset))
        })
    }

    /// The next records of all its partitions.
    pub(super) fn fetch(
        &mut self,
        logs: &[Log],
        mut faults: Option<&mut (dyn Faults + 'static)>,
        now: Instant,
    ) -> Vec<Received> {
        let mut batch = Vec::new();
        let count = self.positions.len();
        for nth in 0..count {
            let at = (self.turn + nth) % count;
            let position = &mut self.positions[at];
            let log = &logs[position.log];
            if position.next == log.end() || !position.is_readable(now) {
                continue;
            }
            position.next = log.in_range(position.next);
            if let Some(faults) = faults.as_deref_mut()
                && let Fetch::Retry(after) = faults.fetch(&position.partition, position.next)
            {
                position.retry_at = Some(now + after);
                continue;
            }
            position.read(log, &mut batch);
            if batch.len() == BATCH {
                self.turn = at + 1;
                break;
            }
        }
        batch
    }

    /// Whether everything is read now and was not when this was asked last.
    pub(super) fn comes_to_end(&mut self, logs: &[Log]) -> bool {
        let at_end = |position: &Position| position.next == logs[position.log].end();
        let told = self.looks_for_end && self.positions.iter().all(at_end);
        self.looks_for_end &= !told;
        told
    }

    /// When there is something to do that nobody signals.
    pub(super) fn next_timer(&self, now: Instant) -> Option<Instant> {
        let retries = self.positions.iter().filter_map(|p| p.retry_at);
        let retries = retries.filter(|at| *at > now);
        let rejoins = self.rejoins.as_ref().map(|(at, _)| *at);
        retries.chain(self.commit_at).chain(rejoins).min()
    }
}

impl Position {
    pub(super) fn new(partition: TopicPartition, log: usize, next: i64, since: u64) -> Self {
        Self {
            partition,
            log,
            since,
            next,
            stored: None,
            paused: false,
            leaving: false,
            retry_at: None,
        }
    }

    pub(super) fn into_partition(self) -> TopicPartition {
        self.partition
    }

    fn is_readable(&self, now: Instant) -> bool {
        !self.paused && self.retry_at.is_none_or(|at| at <= now)
    }

    /// Copies records into `batch` until it is full.
    fn read(&mut self, log: &Log, batch: &mut Vec<Received>) {
        let most = BATCH - batch.len();
        let left = usize::try_from(log.end() - self.next).unwrap_or(0);
        batch.reserve_exact(left.min(most));
        for (offset, entry) in log.read(self.next, most) {
            batch.push(Received {
                envelope: entry.envelope.clone(),
                origin: Origin {
                    partition: self.partition.clone(),
                    offset,
                    timestamp: Timestamp::Created(entry.created),
                },
                intact: true,
            });
            self.next = offset + 1;
        }
    }
}
