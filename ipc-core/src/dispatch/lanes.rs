//! Order per key.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use ahash::RandomState;
use bytes::Bytes;

use super::Guarantee;
use super::job::Job;

/// Of the records with one key only the oldest unfinished one is worked on.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: HashMap<Bytes, Lane, RandomState>,
    /// Over all lanes.
    waiting: usize,
}

#[derive(Debug)]
struct Lane {
    /// The record that is worked on, and those handed out to be handled after it.
    out: usize,
    waiting: VecDeque<Job>,
}

impl Lanes {
    /// Takes the lane for `job`, or queues it behind those that are there.
    #[inline]
    pub(super) fn enter(&mut self, job: Job) -> Option<Job> {
        let Some(key) = job.lane() else {
            return Some(job);
        };
        match self.lanes.entry(key.clone()) {
            Entry::Occupied(mut lane) => {
                lane.get_mut().waiting.push_back(job);
                self.waiting += 1;
                None
            }
            Entry::Vacant(lane) => {
                let waiting = VecDeque::new();
                lane.insert(Lane { out: 1, waiting });
                Some(job)
            }
        }
    }

    /// The next in line, where whoever handles `job` may handle it afterwards: what
    /// becomes of both is known when their handlers end, and both pass the same
    /// gates.
    #[inline]
    pub(super) fn follower(&mut self, job: &Job) -> Option<Job> {
        let settles_at_once =
            !job.record.head.is_call() && job.record.policy.guarantee != Guarantee::AtMostOnce;
        let lane = self.lanes.get_mut(job.lane()?)?;
        let alike = |next: &Job| {
            !next.record.head.is_call() && Arc::ptr_eq(&next.record.policy, &job.record.policy)
        };
        if !settles_at_once || !lane.waiting.front().is_some_and(alike) {
            return None;
        }
        lane.out += 1;
        self.waiting -= 1;
        lane.waiting.pop_front()
    }

    /// One of those handed out is done with. Answers the next in line, which has
    /// the lane now, unless it is handed out already.
    pub(super) fn leave(&mut self, key: &Bytes) -> Option<Job> {
        let Entry::Occupied(mut lane) = self.lanes.entry(key.clone()) else {
            return None;
        };
        let next = lane.get_mut().next();
        self.waiting -= usize::from(next.is_some());
        if lane.get().out == 0 {
            lane.remove();
        }
        next
    }

    /// Takes back one that was handed out and not begun. Answers who has the lane
    /// now, if nobody else has.
    pub(super) fn take_back(&mut self, job: Job) -> Option<Job> {
        let lane = self.lanes.get_mut(job.lane()?)?;
        let older = |waiting: &Job| waiting.offset() < job.offset();
        let place = lane.waiting.partition_point(older);
        lane.waiting.insert(place, job);
        let next = lane.next();
        self.waiting += usize::from(next.is_none());
        next
    }

    /// Those that wait in this lane, the oldest first.
    pub(super) fn waiting(&self, key: &Bytes) -> impl Iterator<Item = &Job> {
        let lane = self.lanes.get(key);
        lane.into_iter().flat_map(|lane| &lane.waiting)
    }

    /// Whether any record waits for one before it.
    pub(super) fn has_waiting(&self) -> bool {
        self.waiting > 0
    }
}

impl Lane {
    /// One fewer is out; if none is, the next in line is.
    fn next(&mut self) -> Option<Job> {
        self.out -= 1;
        if self.out > 0 {
            return None;
        }
        let next = self.waiting.pop_front();
        self.out = usize::from(next.is_some());
        next
    }
}
