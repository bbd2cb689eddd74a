//! Which promises a history breaks.

mod attempts;
mod calm;
mod commits;
mod delivery;
mod effects;
mod facts;
mod outputs;

use std::fmt;

use self::facts::Facts;
use super::history::History;

/// What must hold; numbered as the invariants of the documentation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Promise {
    /// I1: an acknowledged one-way has an effect or a dead letter.
    NothingLost,
    /// I2: an operation has one end, in time.
    OneEnd,
    /// I3: keyed work has one effect, but where its owner ended between that and its
    /// stored reply, or the store was away and may be done without.
    OneEffect,
    /// I4: what one caller sends under one key has its effects in that order.
    Order,
    /// I5: a reply is to what was asked, and after its effect.
    TrueReplies,
    /// I6: a commit passes no unfinished record, and moves back none.
    Commits,
    /// I11: what is handled by an exactly-once endpoint has its outputs exactly once.
    OneOutput,
    /// I12: every poison record is dead-lettered, and nothing is left unfinished.
    NothingLeft,
    /// What is told to fail is tried as often as it is to be, and given up after the last
    /// attempt.
    Attempts,
    /// Where nothing goes wrong, nobody works for a caller that gave up.
    Cancels,
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
    if history.exactly_once {
        facts.one_output(&mut found);
    }
    facts.attempts(&mut found);
    if history.calm {
        facts.cancels(&mut found);
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
