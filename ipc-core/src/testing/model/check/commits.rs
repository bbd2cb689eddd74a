//! Whether commits pass nothing that is unfinished, and never move back.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::Facts;
use super::{Found, Promise};
use crate::testing::model::history::Kind;

impl Facts<'_> {
    pub(super) fn commits(&self, found: &mut Found) {
        let mut last: BTreeMap<i32, i64> = BTreeMap::new();
        let mut resets = self.resets.iter().peekable();
        for (at, partition, offset) in &self.commits {
            while resets.next_if(|reset| *reset < at).is_some() {
                last.clear();
            }
            let before = last.insert(*partition, *offset).unwrap_or(0);
            if *offset < before {
                let what = format!("partition {partition} went from {before} back to {offset}");
                found.add(Promise::Commits, what);
            }
        }
        let operations = self.history.operations.iter();
        let parked = operations.filter(|operation| operation.is_parked());
        let parked: BTreeSet<u32> = parked.map(|operation| operation.key).collect();
        for (number, operation) in (0..).zip(&self.history.operations) {
            let Some(effect) = self.effects_of(operation.work).first() else {
                continue;
            };
            // What waits in a topic is finished where it was, and whatever follows it there.
            let is_moved = operation.retries.is_some_and(|retries| retries.in_topics)
                || parked.contains(&operation.key);
            if operation.kind != Kind::OneWay || is_moved {
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
}
