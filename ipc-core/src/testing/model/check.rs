//! Which promises a history breaks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use super::history::{End, History, Kind, What};

/// Beyond its deadline, by when an operation must have ended at its caller.
const GRACE: Duration = Duration::from_secs(1);

/// What must hold; numbered as the invariants of the documentation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Promise {
    /// I1: an acknowledged one-way has an effect or a dead letter.
    NothingLost,
    /// I2: an operation has one end, in time.
    OneEnd,
    /// I3: keyed work has one effect, but where its owner ended between that and its
    /// stored reply.
    OneEffect,
    /// I4: what one caller sends under one key has its effects in that order.
    Order,
    /// I5: a reply is to what was asked, and after its effect.
    TrueReplies,
    /// I6: a commit passes no unfinished record, and moves back none.
    Commits,
    /// I12: every poison record is dead-lettered, and nothing is left unfinished.
    NothingLeft,
    /// Where nothing goes wrong everything is answered, and happens once.
    Calm,
}

/// A promise that is broken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Which.
    pub promise: Promise,
    /// By what.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.promise, self.what)
    }
}

/// Every promise that `history` breaks.
#[must_use]
pub fn check(history: &History) -> Vec<Violation> {
    let facts = Facts::of(history);
    let mut found = Found(Vec::new());
    facts.nothing_lost(&mut found);
    facts.one_end(&mut found);
    facts.one_effect(&mut found);
    facts.order(&mut found);
    facts.true_replies(&mut found);
    facts.commits(&mut found);
    facts.nothing_left(&mut found);
    if history.calm {
        facts.calm(&mut found);
    }
    found.0
}

struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, promise: Promise, what: String) {
        self.0.push(Violation { promise, what });
    }
}

/// An effect, by its place in the history.
#[derive(Clone, Copy)]
struct Effect {
    at: usize,
    instance: u32,
    partition: i32,
    offset: i64,
}

/// A history, sorted by what is asked of it. Places in the history tell what was first:
/// several things may happen at one time.
struct Facts<'a> {
    history: &'a History,
    invoked: BTreeMap<u32, usize>,
    ends: BTreeMap<u32, Vec<(usize, &'a End)>>,
    effects: BTreeMap<u32, Vec<Effect>>,
    returned: BTreeSet<(u32, u32)>,
    /// When an instance ended in any way, or was taken for dead.
    gone: BTreeMap<u32, usize>,
    letters: BTreeMap<(i32, i64), usize>,
    lettered_works: BTreeSet<u32>,
    poisoned: BTreeSet<(i32, i64)>,
    commits: Vec<(usize, i32, i64)>,
}

impl<'a> Facts<'a> {
    fn of(history: &'a History) -> Self {
        let mut facts = Self {
            history,
            invoked: BTreeMap::new(),
            ends: BTreeMap::new(),
            effects: BTreeMap::new(),
            returned: BTreeSet::new(),
            gone: BTreeMap::new(),
            letters: BTreeMap::new(),
            lettered_works: BTreeSet::new(),
            poisoned: BTreeSet::new(),
            commits: Vec::new(),
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
                    facts.returned.insert((*work, *instance));
                }
                What::Died { instance }
                | What::Stopped { instance }
                | What::Expelled { instance } => {
                    facts.gone.entry(*instance).or_insert(at);
                }
                What::DeadLetter {
                    work,
                    partition,
                    offset,
                } => {
                    *facts.letters.entry((*partition, *offset)).or_default() += 1;
                    facts.lettered_works.extend(*work);
                }
                What::Poisoned { partition, offset } => {
                    facts.poisoned.insert((*partition, *offset));
                }
                What::Committed { partition, offset } => {
                    facts.commits.push((at, *partition, *offset));
                }
                What::Began { .. } | What::Started { .. } | What::Healed => {}
            }
        }
        facts
    }

    fn ended(&self, operation: u32) -> Option<(usize, &End)> {
        let (at, end) = self.ends.get(&operation)?.first()?;
        Some((*at, end))
    }

    fn effects_of(&self, work: u32) -> &[Effect] {
        self.effects.get(&work).map_or(&[], Vec::as_slice)
    }

    fn nothing_lost(&self, found: &mut Found) {
        for (number, operation) in (0..).zip(&self.history.operations) {
            let acknowledged = matches!(self.ended(number), Some((_, End::Acknowledged)));
            let work = operation.work;
            let is_kept = !self.effects_of(work).is_empty() || self.lettered_works.contains(&work);
            if acknowledged && !is_kept {
                let what = format!("operation {number} has neither effect nor dead letter");
                found.add(Promise::NothingLost, what);
            }
        }
    }

    fn one_end(&self, found: &mut Found) {
        for (number, operation) in (0..).zip(&self.history.operations) {
            let ends = self.ends.get(&number).map_or(0, Vec::len);
            if ends != 1 {
                found.add(
                    Promise::OneEnd,
                    format!("operation {number} ended {ends} times"),
                );
                continue;
            }
            let (Some(invoked), Some((ended, _))) = (self.invoked.get(&number), self.ended(number))
            else {
                continue;
            };
            let events = &self.history.events;
            let took = events[ended].at.saturating_sub(events[*invoked].at);
            if took > operation.timeout + GRACE {
                let what = format!("operation {number} took {took:?}");
                found.add(Promise::OneEnd, what);
            }
        }
    }

    fn one_effect(&self, found: &mut Found) {
        let keyed: BTreeSet<u32> = self
            .history
            .operations
            .iter()
            .filter(|operation| operation.keyed)
            .map(|operation| operation.work)
            .collect();
        for work in keyed {
            for pair in self.effects_of(work).windows(2) {
                let [first, second] = pair else { continue };
                let returned = self.returned.contains(&(work, first.instance));
                let gone = self.gone.get(&first.instance);
                let is_gone = gone.is_some_and(|gone| *gone < second.at);
                if returned && !is_gone {
                    let what = format!(
                        "work {work} was done by instance {} and again by {}",
                        first.instance, second.instance
                    );
                    found.add(Promise::OneEffect, what);
                }
            }
        }
    }

    fn order(&self, found: &mut Found) {
        let mut last: BTreeMap<u32, (u32, usize)> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for (number, operation) in (0..).zip(&self.history.operations) {
            // A repetition has its effect where the first of its work had it.
            if !seen.insert(operation.work) {
                continue;
            }
            let is_in_the_log = matches!(
                self.ended(number),
                Some((_, End::Acknowledged | End::Reply { .. }))
            );
            let Some(effect) = self.effects_of(operation.work).first() else {
                continue;
            };
            if !is_in_the_log {
                continue;
            }
            if let Some((before, at)) = last.insert(operation.key, (number, effect.at))
                && at > effect.at
            {
                let what = format!("operation {number} overtook {before} under its key");
                found.add(Promise::Order, what);
            }
        }
    }

    fn true_replies(&self, found: &mut Found) {
        for (number, operation) in (0..).zip(&self.history.operations) {
            let Some((at, End::Reply { work })) = self.ended(number) else {
                continue;
            };
            if *work != Some(operation.work) {
                let what = format!("operation {number} has the reply to work {work:?}");
                found.add(Promise::TrueReplies, what);
            } else if !self.effects_of(operation.work).iter().any(|it| it.at < at) {
                let what = format!("operation {number} has a reply before any effect");
                found.add(Promise::TrueReplies, what);
            }
        }
    }

    fn commits(&self, found: &mut Found) {
        let mut last: BTreeMap<i32, i64> = BTreeMap::new();
        for (_, partition, offset) in &self.commits {
            let before = last.insert(*partition, *offset).unwrap_or(0);
            if *offset < before {
                let what = format!("partition {partition} went from {before} back to {offset}");
                found.add(Promise::Commits, what);
            }
        }
        for (number, operation) in (0..).zip(&self.history.operations) {
            let Some(effect) = self.effects_of(operation.work).first() else {
                continue;
            };
            if operation.kind != Kind::OneWay {
                continue;
            }
            let passed = self.commits.iter().find(|(at, partition, offset)| {
                *at < effect.at && *partition == effect.partition && *offset > effect.offset
            });
            if let Some((_, partition, offset)) = passed {
                let what = format!(
                    "{offset} was committed for partition {partition} before operation {number} \
                     at {} had its effect",
                    effect.offset
                );
                found.add(Promise::Commits, what);
            }
        }
    }

    fn nothing_left(&self, found: &mut Found) {
        for (partition, offset) in &self.poisoned {
            if !self.letters.contains_key(&(*partition, *offset)) {
                let what = format!("poison at {partition}@{offset} has no dead letter");
                found.add(Promise::NothingLeft, what);
            }
        }
        let lag = self.history.lag;
        if lag > 0 {
            found.add(
                Promise::NothingLeft,
                format!("{lag} records are unfinished"),
            );
        }
    }

    fn calm(&self, found: &mut Found) {
        for (number, operation) in (0..).zip(&self.history.operations) {
            let end = self.ended(number).map(|(_, end)| end);
            let is_answered = matches!(end, Some(End::Reply { .. } | End::Acknowledged));
            if !is_answered {
                found.add(
                    Promise::Calm,
                    format!("operation {number} ended with {end:?}"),
                );
            }
            let effects = self.effects_of(operation.work).len();
            if effects != 1 {
                let what = format!("work {} has {effects} effects", operation.work);
                found.add(Promise::Calm, what);
            }
        }
        for ((partition, offset), letters) in &self.letters {
            if *letters != 1 {
                let what = format!("{partition}@{offset} has {letters} dead letters");
                found.add(Promise::Calm, what);
            }
        }
    }
}
