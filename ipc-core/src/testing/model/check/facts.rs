//! A history, sorted by what is asked of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::testing::model::history::{End, History, What};

/// An effect, by its place in the history.
#[derive(Clone, Copy)]
pub(super) struct Effect {
    pub(super) at: usize,
    pub(super) instance: u32,
    pub(super) partition: i32,
    pub(super) offset: i64,
}

/// A history, sorted by what is asked of it. Places in the history tell what was first:
/// several things may happen at one time.
pub(super) struct Facts<'a> {
    pub(super) history: &'a History,
    pub(super) invoked: BTreeMap<u32, usize>,
    pub(super) ends: BTreeMap<u32, Vec<(usize, &'a End)>>,
    pub(super) effects: BTreeMap<u32, Vec<Effect>>,
    pub(super) began: BTreeMap<u32, Vec<usize>>,
    /// By work: which attempt failed.
    pub(super) failed: BTreeMap<u32, Vec<u32>>,
    /// By work and instance.
    pub(super) returned: BTreeMap<(u32, u32), Vec<usize>>,
    /// When an instance ended in any way, or was taken for dead.
    pub(super) gone: BTreeMap<u32, usize>,
    pub(super) letters: BTreeMap<(i32, i64), usize>,
    /// Why each work was given up.
    pub(super) given_up: BTreeMap<u32, &'a str>,
    pub(super) poisoned: BTreeSet<(i32, i64)>,
    /// How many outputs each request has.
    pub(super) outputs: BTreeMap<(i32, i64), usize>,
    pub(super) commits: Vec<(usize, i32, i64)>,
    /// When the group forgot its commits.
    pub(super) resets: Vec<usize>,
    /// By work: when it was claimed, and by which instance.
    pub(super) claimed: BTreeMap<u32, Vec<(usize, u32)>>,
    /// By work: when its reply was kept.
    pub(super) stored: BTreeMap<u32, Vec<usize>>,
    /// When the store did not answer whoever would claim a work.
    pub(super) unclaimed: BTreeMap<u32, Vec<usize>>,
    /// When it did not confirm that it keeps a work's reply.
    pub(super) unstored: BTreeMap<u32, Vec<usize>>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(history: &'a History) -> Self {
        let mut facts = Self {
            history,
            invoked: BTreeMap::new(),
            ends: BTreeMap::new(),
            effects: BTreeMap::new(),
            began: BTreeMap::new(),
            failed: BTreeMap::new(),
            returned: BTreeMap::new(),
            gone: BTreeMap::new(),
            letters: BTreeMap::new(),
            given_up: BTreeMap::new(),
            poisoned: BTreeSet::new(),
            outputs: BTreeMap::new(),
            commits: Vec::new(),
            resets: Vec::new(),
            claimed: BTreeMap::new(),
            stored: BTreeMap::new(),
            unclaimed: BTreeMap::new(),
            unstored: BTreeMap::new(),
        };
        for (at, event) in history.events.iter().enumerate() {
            match &event.what {
                What::Invoked { operation } => {
                    facts.invoked.insert(*operation, at);
                }
                What::Ended { operation, end } => {
                    facts.ends.entry(*operation).or_default().push((at, end));
                }
                What::Effect {
                    instance,
                    work,
                    partition,
                    offset,
                } => facts.effects.entry(*work).or_default().push(Effect {
                    at,
                    instance: *instance,
                    partition: *partition,
                    offset: *offset,
                }),
                What::Returned { instance, work } => {
                    facts
                        .returned
                        .entry((*work, *instance))
                        .or_default()
                        .push(at);
                }
                What::Died { instance }
                | What::Stopped { instance }
                | What::Expelled { instance } => {
                    facts.gone.entry(*instance).or_insert(at);
                }
                What::DeadLetter {
                    work,
                    reason,
                    partition,
                    offset,
                } => {
                    *facts.letters.entry((*partition, *offset)).or_default() += 1;
                    facts.given_up.extend(work.map(|work| (work, &**reason)));
                }
                What::Poisoned { partition, offset } => {
                    facts.poisoned.insert((*partition, *offset));
                }
                What::Output { partition, offset } => {
                    *facts.outputs.entry((*partition, *offset)).or_default() += 1;
                }
                What::Committed { partition, offset } => {
                    facts.commits.push((at, *partition, *offset));
                }
                What::Reset => facts.resets.push(at),
                What::Unclaimed { work: Some(work) } => {
                    facts.unclaimed.entry(*work).or_default().push(at);
                }
                What::Unstored { work: Some(work) } => {
                    facts.unstored.entry(*work).or_default().push(at);
                }
                What::Claimed {
                    instance,
                    work: Some(work),
                } => {
                    let claimed = facts.claimed.entry(*work).or_default();
                    claimed.push((at, *instance));
                }
                What::Stored {
                    work: Some(work), ..
                } => facts.stored.entry(*work).or_default().push(at),
                What::Began { work, .. } => facts.began.entry(*work).or_default().push(at),
                What::Failed { work, attempt, .. } => {
                    facts.failed.entry(*work).or_default().push(*attempt);
                }
                What::Started { .. }
                | What::Claimed { work: None, .. }
                | What::Stored { work: None, .. }
                | What::Unclaimed { work: None }
                | What::Unstored { work: None }
                | What::LogAway { .. }
                | What::StoreAway { .. }
                | What::Fault { .. }
                | What::Healed => {}
            }
        }
        facts
    }

    pub(super) fn ended(&self, operation: u32) -> Option<(usize, &End)> {
        let (at, end) = self.ends.get(&operation)?.first()?;
        Some((*at, end))
    }

    pub(super) fn effects_of(&self, work: u32) -> &[Effect] {
        self.effects.get(&work).map_or(&[], Vec::as_slice)
    }

    pub(super) fn failed_attempts(&self, work: u32) -> &[u32] {
        self.failed.get(&work).map_or(&[], Vec::as_slice)
    }

    /// Whether any of these happened in this part of the history.
    pub(super) fn any_of(
        happened: &BTreeMap<u32, Vec<usize>>,
        work: u32,
        when: Range<usize>,
    ) -> bool {
        let all = happened.get(&work);
        all.is_some_and(|all| all.iter().any(|at| when.contains(at)))
    }

    /// Whether a caller had a reply to a work in this part of the history.
    pub(super) fn was_answered(&self, work: u32, when: Range<usize>) -> bool {
        let mut operations = (0..).zip(&self.history.operations);
        operations.any(|(number, operation)| {
            let end = self.ended(number);
            let is_reply = matches!(end, Some((at, End::Reply { .. })) if when.contains(&at));
            operation.work == work && is_reply
        })
    }
}
