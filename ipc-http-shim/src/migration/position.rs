//! Where a route stands, as all instances know it.

use serde::{Deserialize, Serialize};

use super::{Backlog, Stage};

/// Where a route stands. The same at every instance, as soon as it has read of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Position {
    /// Grows with every change; what has a lower one is out of date.
    pub generation: u64,
    /// How far the route has moved.
    pub stage: Stage,
    /// Why it does not go on by itself until somebody says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// Since when, in Unix milliseconds.
    pub since: u64,
    /// Why it came to be here.
    pub why: String,
    /// What was left to its service when it went back, where nobody waits for its
    /// requests: the service goes on with them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backlog: Option<Backlog>,
}

impl Position {
    /// Where a route stands that nobody has decided about.
    pub(crate) fn first(stage: Stage) -> Self {
        Self {
            generation: 0,
            stage,
            held: None,
            since: 0,
            why: "where it begins".to_owned(),
            backlog: None,
        }
    }
}
