//! A bound on how much runs at once, with those who wait for it.

use std::collections::VecDeque;

use super::job::Job;

/// Lets `limit` jobs through at a time.
#[derive(Debug)]
pub(super) struct Gate {
    limit: usize,
    inside: usize,
    waiting: VecDeque<Job>,
}

impl Gate {
    pub(super) fn new(limit: Option<usize>) -> Self {
        Self {
            limit: limit.unwrap_or(usize::MAX),
            inside: 0,
            waiting: VecDeque::new(),
        }
    }

    /// Lets the job through, or keeps it until [`leave`](Self::leave) makes room.
    #[inline]
    pub(super) fn enter(&mut self, job: Job) -> Option<Job> {
        if !self.is_full() {
            self.inside += 1;
            Some(job)
        } else {
            self.waiting.push_back(job);
            None
        }
    }

    /// Those who wait, when nobody is let through any more.
    pub(super) fn dismiss(&mut self) -> impl Iterator<Item = Job> {
        std::mem::take(&mut self.waiting).into_iter()
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.inside >= self.limit
    }

    /// Whether anybody is ever let through.
    pub(super) fn exists(&self) -> bool {
        self.limit > 0
    }

    /// Makes room for one. Answers who was let through in its place.
    #[inline]
    pub(super) fn leave(&mut self) -> Option<Job> {
        self.inside -= 1;
        if self.is_full() {
            return None;
        }
        let next = self.waiting.pop_front();
        self.inside += usize::from(next.is_some());
        next
    }
}
