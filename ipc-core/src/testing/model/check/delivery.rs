//! Whether everything that was asked for ends, and nothing is lost.

use std::time::Duration;

use super::facts::Facts;
use super::{Found, Promise};
use crate::testing::model::history::End;

/// Beyond its deadline, by when an operation must have ended at its caller.
const GRACE: Duration = Duration::from_secs(1);

impl Facts<'_> {
    pub(super) fn nothing_lost(&self, found: &mut Found) {
        for (number, operation) in (0..).zip(&self.history.operations) {
            let acknowledged = matches!(self.ended(number), Some((_, End::Acknowledged)));
            let work = operation.work;
            let is_kept = !self.effects_of(work).is_empty() || self.given_up.contains_key(&work);
            if acknowledged && !is_kept {
                let what = format!("operation {number} has neither effect nor dead letter");
                found.add(Promise::NothingLost, what);
            }
        }
    }

    pub(super) fn one_end(&self, found: &mut Found) {
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

    pub(super) fn nothing_left(&self, found: &mut Found) {
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
}
