//! Whether each input has exactly one output.

use super::facts::Facts;
use super::{Found, Promise};
use crate::testing::model::history::Kind;

impl Facts<'_> {
    pub(super) fn one_output(&self, found: &mut Found) {
        for ((partition, offset), outputs) in &self.outputs {
            if *outputs > 1 {
                let what = format!("{partition}@{offset} has {outputs} outputs");
                found.add(Promise::OneOutput, what);
            }
        }
        for operation in &self.history.operations {
            // What a call wrote is dropped where its caller has gone.
            if operation.kind == Kind::Call {
                continue;
            }
            for effect in self.effects_of(operation.work) {
                let place = (effect.partition, effect.offset);
                if !self.outputs.contains_key(&place) && !self.letters.contains_key(&place) {
                    let (partition, offset) = place;
                    let what = format!("{partition}@{offset} has neither output nor dead letter");
                    found.add(Promise::OneOutput, what);
                }
            }
        }
    }
}
