//! Whether what fails is tried as often as it is to be.

use super::facts::Facts;
use super::{Found, Promise};
use crate::testing::model::history::{Operation, Retries};

/// Why a work is given up whose last attempt has failed.
const FAILED: &str = "server-error";

impl Facts<'_> {
    pub(super) fn attempts(&self, found: &mut Found) {
        // Of work that is not told to fail nobody notes the failures.
        let told = self.history.operations.iter();
        for operation in told.filter(|it| it.retries.is_some()) {
            let work = operation.work;
            let failed = self.failed_attempts(work);
            if let Some(attempt) = failed.iter().find(|it| **it > Retries::ATTEMPTS) {
                let what = format!("work {work} was tried for the {attempt}. time");
                found.add(Promise::Attempts, what);
            }
            let has_failed = failed.contains(&Retries::ATTEMPTS);
            if self.given_up.get(&work) == Some(&FAILED) && !has_failed {
                let what = format!("work {work} was given up before its last attempt");
                found.add(Promise::Attempts, what);
            }
        }
    }

    /// Where nothing goes wrong no attempt is skipped, or made twice.
    pub(super) fn calm_attempts(&self, operation: &Operation, found: &mut Found) {
        let fails = operation.retries.map_or(0, |retries| retries.fails);
        let work = operation.work;
        let failed = self.failed_attempts(work);
        let attempts = 1..=fails.min(Retries::ATTEMPTS);
        // What was given up is tried again from the first when it is asked for again.
        let asked = self.history.operations.iter().filter(|it| it.work == work);
        let rounds = match fails >= Retries::ATTEMPTS {
            true => asked.count(),
            false => 1,
        };
        let expected = std::iter::repeat_n(attempts, rounds).flatten();
        if !failed.iter().copied().eq(expected) {
            let what = format!("work {work} failed at attempts {failed:?}");
            found.add(Promise::Attempts, what);
        }
    }
}
