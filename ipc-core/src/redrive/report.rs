//! What a run did.

use std::collections::{BTreeMap, BTreeSet};

use super::{DeadLetter, Place, Refusal, Refused, State};
use crate::transport::TransportError;

/// What letters are counted under: why they were given up, and the topic they came
/// from.
pub(super) type Kind = (String, String);

pub(super) fn kind(letter: &DeadLetter) -> Kind {
    let topic = letter.topic().unwrap_or_default();
    (letter.reason().to_owned(), topic.to_owned())
}

/// What a run did, or, where it was a dry one, what it would have done.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Report {
    /// What letters were to become: [`State::Redriven`] or [`State::Dropped`].
    pub action: State,
    /// Whether nothing was touched.
    pub dry_run: bool,
    /// How many letters were meant.
    pub selected: u64,
    /// How many became so, by reason and by the topic they came from.
    pub settled: BTreeMap<(String, String), u64>,
    /// The letters that were not sent back, and why; they are still open.
    pub refused: Vec<Refused>,
    /// The reasons of all letters in the topic, whichever were meant; at most 100 a
    /// partition.
    pub reasons: BTreeSet<String>,
    /// Partitions that another run saw to, which was under way at the same time.
    pub handed_over: Vec<i32>,
    /// Whether it was asked to stop, and did before the last letter.
    pub stopped: bool,
}

impl Report {
    pub(super) fn new(action: State, dry_run: bool) -> Self {
        Self {
            action,
            dry_run,
            selected: 0,
            settled: BTreeMap::new(),
            refused: Vec::new(),
            reasons: BTreeSet::new(),
            handed_over: Vec::new(),
            stopped: false,
        }
    }

    pub(super) fn settle(&mut self, kind: Kind) {
        *self.settled.entry(kind).or_default() += 1;
    }

    pub(super) fn refuse(&mut self, place: Place, why: Refusal) {
        self.refused.push(Refused { place, why });
    }

    /// How many letters were settled.
    #[must_use]
    pub fn settled(&self) -> u64 {
        self.settled.values().sum()
    }

    /// How many letters were looked at.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.settled() + self.refused.len() as u64
    }
}

/// A run that could not go on. What it had done by then is done: the same run started
/// again goes on from there.
#[derive(Debug, thiserror::Error)]
#[error("the run ended after {} of {} letters", report.done(), report.selected)]
pub struct RunError {
    /// What was done.
    pub report: Box<Report>,
    /// Why no more.
    pub source: TransportError,
}
