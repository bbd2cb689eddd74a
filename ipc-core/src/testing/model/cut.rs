//! What is left out of a trial.

use std::collections::BTreeSet;

/// The operations and the faults that are kept.
#[derive(Clone, Default)]
pub(super) struct Cut {
    pub(super) operations: Kept,
    pub(super) faults: Kept,
}

/// Some of many, numbered in the order in which they come. Default: all.
#[derive(Clone, Default)]
pub(super) struct Kept(Option<BTreeSet<u32>>);

impl Kept {
    pub(super) fn has(&self, number: u32) -> bool {
        self.0.as_ref().is_none_or(|kept| kept.contains(&number))
    }

    /// Their numbers, where there are `all` if none is left out.
    pub(super) fn numbers(&self, all: u32) -> Vec<u32> {
        match &self.0 {
            Some(kept) => kept.iter().copied().collect(),
            None => (0..all).collect(),
        }
    }
}

impl FromIterator<u32> for Kept {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        Self(Some(numbers.into_iter().collect()))
    }
}
