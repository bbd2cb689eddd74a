//! Records whose key is parked: each stands in a log beside its partition, so that the
//! offset of its request can move on, and waits in its lane as any other.

mod entry;
mod restore;
mod topics;

use std::collections::{BTreeMap, HashMap};
use std::mem;

use ahash::RandomState;
use bytes::Bytes;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::job::Job;
use super::{Guarantee, RetryPolicy};
use crate::envelope::UnixMillis;
use crate::transport::{Follower, Origin, Received};

use self::entry::Said;
pub(super) use entry::Restored;
pub(super) use topics::{Entrance, Fits, Found};
pub(crate) use topics::{Parked, ParkedTopics};

/// What is parked of one assigned partition.
#[derive(Debug)]
pub(super) struct Parking {
    stage: Stage,
    /// By the offset of their request.
    entries: BTreeMap<i64, Entry>,
    /// How many records of each key are parked.
    keys: HashMap<Bytes, usize, RandomState>,
    /// Records that were parked by an earlier owner and whose requests come once more:
    /// each takes its turn when its request does.
    expected: BTreeMap<i64, Box<Restored>>,
    /// Of the requests that come once more, those that were parked and are done with: when
    /// each was written.
    settled: BTreeMap<i64, Option<UnixMillis>>,
    /// The first request of which nothing was known at the beginning.
    unknown_from: i64,
    /// Entries on their way into the log or out of it.
    writing: usize,
    gone: CancellationToken,
    _gone: DropGuard,
}

#[derive(Debug)]
enum Stage {
    /// It is not known yet what is parked. Requests wait.
    Restoring { held: Vec<Received> },
    Open {
        entrance: Entrance,
        _follower: Follower,
    },
}

/// A record that is parked.
#[derive(Debug)]
struct Entry {
    key: Option<Bytes>,
    /// Of the owners whose entries the log has.
    fences: Vec<i64>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// It waits in its lane, or is worked on.
    Resting,
    /// What the log has to know is on its way there, before this goes on.
    Writing(Next),
    /// It is done with, and its entries are on their way out.
    Settling(Job),
}

/// What goes on once an entry is written.
#[derive(Debug)]
pub(super) enum Next {
    Nothing,
    /// It is its turn in its lane.
    Turn(Job),
    /// Its next attempt is due then.
    Attempt(Job, UnixMillis),
}

/// What is known of a request that has come.
#[derive(Debug)]
pub(super) enum Known {
    Nothing,
    /// It is parked, or was: there is nothing left to do.
    Handled,
    /// It was parked by an earlier owner, and takes its place now.
    Parked(Box<Restored>),
    /// Nothing, and another request stood there once: these owners' entries are left.
    Another(Vec<i64>),
}

impl Parking {
    pub(super) fn new() -> Self {
        let gone = CancellationToken::new();
        Self {
            stage: Stage::Restoring { held: Vec::new() },
            entries: BTreeMap::new(),
            keys: HashMap::default(),
            expected: BTreeMap::new(),
            settled: BTreeMap::new(),
            unknown_from: i64::MIN,
            writing: 0,
            _gone: gone.clone().drop_guard(),
            gone,
        }
    }

    /// Cancelled when the partition has gone.
    pub(super) fn gone(&self) -> CancellationToken {
        self.gone.clone()
    }

    /// Has a request wait where it is not known yet what is parked.
    pub(super) fn hold(&mut self, received: Received) -> Option<Received> {
        match &mut self.stage {
            Stage::Restoring { held } => {
                held.push(received);
                None
            }
            Stage::Open { .. } => Some(received),
        }
    }

    /// Where entries are written, once it is known what is there.
    pub(super) fn entrance(&self) -> Option<&Entrance> {
        match &self.stage {
            Stage::Restoring { .. } => None,
            Stage::Open { entrance, .. } => Some(entrance),
        }
    }

    /// Everything is known. Answers the records that take their places at once, and the
    /// requests that have come meanwhile.
    pub(super) fn open(&mut self, found: Found) -> (Vec<Restored>, Vec<Received>) {
        let Found {
            entries,
            committed,
            entrance,
            follower,
        } = found;
        if let Some(((last, _), _)) = entries.last_key_value() {
            self.unknown_from = last + 1;
        }
        let mut standing: BTreeMap<i64, Box<Restored>> = BTreeMap::new();
        for ((offset, _), said) in entries {
            match said {
                // The last owner's counts, those of all have to be taken away.
                Said::Parked(mut restored) => {
                    if let Some(before) = standing.remove(&offset) {
                        restored.fences.extend(before.fences);
                    }
                    standing.insert(offset, restored);
                }
                Said::Settled(written) => drop(self.settled.insert(offset, written)),
                Said::Nothing => {}
            }
        }
        // What is not committed comes once more, behind what was not parked before it.
        let next = committed.unwrap_or_default();
        self.settled = self.settled.split_off(&next);
        self.expected = standing.split_off(&next);
        let now = standing.into_values().map(|it| *it).collect();
        let open = Stage::Open {
            entrance,
            _follower: follower,
        };
        match mem::replace(&mut self.stage, open) {
            Stage::Restoring { held } => (now, held),
            Stage::Open { .. } => (now, Vec::new()),
        }
    }

    /// Whether an earlier owner may have parked this request.
    #[inline]
    pub(super) fn may_know(&self, offset: i64) -> bool {
        offset < self.unknown_from
    }

    /// A request before this one comes no more: its record takes its place.
    pub(super) fn passed(&mut self, offset: i64) -> Option<Box<Restored>> {
        let first = self.expected.first_entry()?;
        (*first.key() < offset).then(|| first.remove())
    }

    /// What is known of a request that has come.
    pub(super) fn request(&mut self, of: &Origin) -> Known {
        if self.entries.contains_key(&of.offset) {
            return Known::Handled;
        }
        // Of a topic that was made anew other requests have the same offsets.
        let written = of.timestamp.millis();
        let settled = self.settled.remove(&of.offset);
        // Where an entry stands it may have been settled by whoever was lost meanwhile.
        match self.expected.remove(&of.offset) {
            Some(restored) if restored.received.origin.timestamp.millis() == written => {
                Known::Parked(restored)
            }
            Some(other) => Known::Another(other.fences),
            None if settled == Some(written) => Known::Handled,
            None => Known::Nothing,
        }
    }

    /// Whether this owner's entry of a request is still to be taken away.
    pub(super) fn is_to_settle(&self, offset: i64, fence: i64) -> bool {
        let entry = self.entries.get(&offset);
        let known = entry.is_some_and(|entry| {
            !matches!(entry.state, State::Settling(_)) && entry.fences.contains(&fence)
        });
        let expected = self.expected.get(&offset);
        known || expected.is_some_and(|it| it.fences.contains(&fence))
    }

    /// Whether this record is parked, or on its way there.
    #[inline]
    pub(super) fn holds(&self, offset: i64) -> bool {
        !self.entries.is_empty() && self.entries.contains_key(&offset)
    }

    /// Whether any record of this lane is parked.
    #[inline]
    pub(super) fn is_parked(&self, job: &Job) -> bool {
        !self.keys.is_empty() && job.lane().is_some_and(|key| self.keys.contains_key(key))
    }

    /// Takes in a record of which these owners' entries are in the log.
    pub(super) fn keep(&mut self, job: &Job, fences: Vec<i64>) {
        self.entry(job).fences = fences;
    }

    /// The entry of a record is on its way.
    pub(super) fn write(&mut self, job: &Job) {
        self.entry(job).state = State::Writing(Next::Nothing);
        self.writing += 1;
    }

    /// The entry of a record is on its way; its next attempt is made then.
    pub(super) fn write_attempt(&mut self, job: Job, due: UnixMillis) {
        self.writing += 1;
        let entry = self.entry(&job);
        entry.state = State::Writing(Next::Attempt(job, due));
    }

    fn entry(&mut self, job: &Job) -> &mut Entry {
        let keys = &mut self.keys;
        self.entries.entry(job.offset()).or_insert_with(|| {
            let key = job.lane().cloned();
            if let Some(key) = &key {
                *keys.entry(key.clone()).or_default() += 1;
            }
            Entry {
                key,
                fences: Vec::new(),
                state: State::Resting,
            }
        })
    }

    /// Has a record wait whose turn it is, until its entry is in the log.
    #[inline]
    pub(super) fn wait_for_entry(&mut self, job: Job) -> Option<Job> {
        if self.writing == 0 {
            return Some(job);
        }
        match self.entries.get_mut(&job.offset()) {
            Some(entry) if matches!(entry.state, State::Writing(_)) => {
                entry.state = State::Writing(Next::Turn(job));
                None
            }
            _ => Some(job),
        }
    }

    /// An entry is in the log, or does not fit there. Answers what goes on.
    pub(super) fn written(&mut self, offset: i64, fits: Fits) -> Next {
        self.writing -= 1;
        let fence = self.entrance().map_or(i64::MAX, Entrance::fence);
        let Some(entry) = self.entries.get_mut(&offset) else {
            return Next::Nothing;
        };
        if fits == Fits::Yes && !entry.fences.contains(&fence) {
            entry.fences.push(fence);
        }
        let kept = !entry.fences.is_empty();
        let next = match mem::replace(&mut entry.state, State::Resting) {
            State::Writing(next) => next,
            other => {
                entry.state = other;
                return Next::Nothing;
            }
        };
        if !kept {
            self.remove(offset);
        }
        next
    }

    /// The record is done with; its entries are on their way out. Answers whose they are.
    pub(super) fn settle(&mut self, job: Job) -> Vec<i64> {
        self.writing += 1;
        let entry = self.entry(&job);
        entry.state = State::Settling(job);
        entry.fences.clone()
    }

    /// The entries of a record that is done with have been taken away.
    pub(super) fn settled(&mut self, offset: i64) -> Option<Job> {
        self.writing -= 1;
        match self.remove(offset)?.state {
            State::Settling(job) => Some(job),
            State::Resting | State::Writing(_) => None,
        }
    }

    fn remove(&mut self, offset: i64) -> Option<Entry> {
        let entry = self.entries.remove(&offset)?;
        if let Some(key) = &entry.key
            && let Some(count) = self.keys.get_mut(key)
        {
            *count -= 1;
            if *count == 0 {
                self.keys.remove(key);
            }
        }
        Some(entry)
    }

    /// How many records are parked and have taken their places.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Of how many keys.
    pub(super) fn keys(&self) -> usize {
        self.keys.len()
    }

    /// Whether anything is on its way into the log.
    pub(super) fn is_writing(&self) -> bool {
        self.writing > 0
    }
}

impl Job {
    /// Whether its endpoint has it parked when it fails.
    pub(super) fn asks_for_parking(&self) -> bool {
        let retry = self.record.policy.retry;
        retry.is_some_and(|retry| retry.policy == RetryPolicy::KeyParked)
    }

    /// Whether it can be parked. A call waits where its caller waits for it, at-most-once
    /// work is begun in the turn of its request, and what came in chunks is larger than a
    /// record.
    pub(super) fn can_be_parked(&self) -> bool {
        let record = &self.record;
        !record.head.is_call()
            && record.policy.guarantee == Guarantee::AtLeastOnce
            && record.refusal.is_none()
            && record.more_offsets.is_empty()
    }
}
