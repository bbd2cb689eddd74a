//! Whether effects are there once, in order, and before their replies.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Effect, Facts};
use super::{Found, Promise};
use crate::testing::model::history::End;

impl Facts<'_> {
    pub(super) fn one_effect(&self, found: &mut Found) {
        let operations = &self.history.operations;
        let keyed = operations.iter().filter(|operation| operation.keyed);
        let keyed: BTreeSet<u32> = keyed.map(|operation| operation.work).collect();
        for work in keyed {
            for pair in self.effects_of(work).windows(2) {
                let [first, second] = pair else { continue };
                if !self.may_be_repeated(work, first, second) {
                    let what = format!(
                        "work {work} was done by instance {} and again by {}",
                        first.instance, second.instance
                    );
                    found.add(Promise::OneEffect, what);
                }
            }
        }
    }

    /// Whether there is a reason for which a work may have had these two effects.
    fn may_be_repeated(&self, work: u32, first: &Effect, second: &Effect) -> bool {
        if self.history.fails_open && Self::any_of(&self.unclaimed, work, 0..second.at) {
            return true;
        }
        // When it was decided that there should be a second.
        let claims = self.claimed.get(&work).into_iter().flatten();
        let claimed = claims
            .filter(|(at, instance)| *at < second.at && *instance == second.instance)
            .map(|(at, _)| *at)
            .next_back()
            .unwrap_or(second.at);
        // In the log, a lost owner may not have read what its successor stored.
        let was_lost = self.gone.get(&second.instance);
        if self.history.store_in_log && was_lost.is_some_and(|lost| *lost < claimed) {
            return true;
        }
        // From then on it was known that the first had been.
        let gone = self.gone.get(&first.instance);
        // In the log, what a lost owner writes late may not have been read yet.
        let known_until = match (gone, self.history.store_in_log) {
            (Some(gone), true) => claimed.min(*gone),
            _ => claimed,
        };
        let is_known = Self::any_of(&self.stored, work, 0..known_until);
        if is_known || self.was_answered(work, 0..known_until) {
            return false;
        }
        let is_gone = gone.is_some_and(|gone| *gone < second.at);
        let is_cut_off = Self::any_of(&self.unstored, work, first.at..second.at);
        let returned = self.returned.get(&(work, first.instance));
        let returned =
            returned.is_some_and(|all| all.iter().any(|at| (first.at..claimed).contains(at)));
        is_gone || is_cut_off || !returned || self.has_moved(first, second)
    }

    /// Whether the claim on the first effect had lost its owner, in a store in which
    /// the owner of a partition is that of its claims.
    fn has_moved(&self, first: &Effect, second: &Effect) -> bool {
        let is_reset = self.resets.iter().any(|reset| *reset < second.at);
        self.history.store_in_log && (is_reset || first.instance != second.instance)
    }

    pub(super) fn order(&self, found: &mut Found) {
        let mut last: BTreeMap<u32, (u32, usize)> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for (number, operation) in (0..).zip(&self.history.operations) {
            // A repetition has its effect where the first of its work had it.
            let is_new = seen.insert(operation.work);
            let overtakes = operation.retries.is_some_and(|retries| retries.in_topics);
            if !is_new || overtakes {
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

    pub(super) fn true_replies(&self, found: &mut Found) {
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
}
