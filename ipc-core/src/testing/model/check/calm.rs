//! What must hold, moreover, where nothing goes wrong.

use std::time::Duration;

use super::facts::Facts;
use super::{Found, Promise};
use crate::testing::model::history::End;

/// How long a handler may go on whose caller has given up.
const HEARD_WITHIN: Duration = Duration::from_millis(500);

impl Facts<'_> {
    pub(super) fn calm(&self, found: &mut Found) {
        for (number, operation) in (0..).zip(&self.history.operations) {
            let end = self.ended(number).map(|(_, end)| end);
            let is_answered = matches!(end, Some(End::Reply { .. } | End::Acknowledged));
            let has_given_up = operation.gives_up.is_some() && matches!(end, Some(End::GaveUp));
            if !is_answered && !has_given_up {
                let what = format!("operation {number} ended with {end:?}");
                found.add(Promise::Calm, what);
            }
            let effects = self.effects_of(operation.work).len();
            let fails = operation.retries.is_some_and(|retries| retries.all_fail());
            let expected = match (fails, operation.gives_up) {
                (true, _) => 0..=0,
                (false, None) => 1..=1,
                // Between an effect and its stored reply, too, a caller may give up, and
                // then ask again.
                (false, Some(_)) => 0..=usize::MAX,
            };
            if !expected.contains(&effects) {
                let what = format!("work {} has {effects} effects", operation.work);
                found.add(Promise::Calm, what);
            }
            self.calm_attempts(operation, found);
        }
        for ((partition, offset), letters) in &self.letters {
            if *letters != 1 {
                let what = format!("{partition}@{offset} has {letters} dead letters");
                found.add(Promise::Calm, what);
            }
        }
    }

    pub(super) fn cancels(&self, found: &mut Found) {
        let events = &self.history.events;
        for (number, operation) in (0..).zip(&self.history.operations) {
            let Some((gave_up, End::GaveUp)) = self.ended(number) else {
                continue;
            };
            // What has a key may be asked for again.
            if operation.keyed {
                continue;
            }
            let heard = events[gave_up].at + HEARD_WITHIN;
            let began = self.began.get(&operation.work).into_iter().flatten();
            let effects = self.effects_of(operation.work).iter().map(|it| &it.at);
            if began.chain(effects).any(|at| events[*at].at > heard) {
                let what = format!("operation {number} was worked at long after it was given up");
                found.add(Promise::Cancels, what);
            }
        }
    }
}
