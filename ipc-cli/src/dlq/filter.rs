//! Which letters, as flags say it.

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};
use ipc_core::dispatch::Reason;
use ipc_core::envelope::UnixMillis;
use ipc_core::redrive::{EndpointPattern, Filter, Place, State};

use crate::failure::Failure;
use crate::time;

/// Letters must meet every condition; one that is given several times is met by any
/// of its values.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which letters")]
pub(super) struct FilterArgs {
    /// Why they were given up: panic, timeout, server-error and so on
    #[arg(long, value_name = "REASON")]
    reason: Vec<String>,

    /// What they were for, with or without the method: 'POST /orders/{id}/place'
    #[arg(long, value_name = "ENDPOINT")]
    endpoint: Vec<EndpointPattern>,

    /// Their record key
    #[arg(long, value_name = "TEXT")]
    key: Vec<String>,

    /// Failed then or later: 2026-11-21T08:00:00Z, or 2h for two hours ago
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    since: Option<UnixMillis>,

    /// Failed before then
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    until: Option<UnixMillis>,

    /// Single letters, by partition and offset: 3:17
    #[arg(long, value_name = "PARTITION:OFFSET")]
    letter: Vec<Place>,

    /// What was decided for them so far
    #[arg(long, default_value = "open")]
    state: WhichState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum WhichState {
    /// Nothing
    Open,
    /// They were sent back
    Redriven,
    /// They are not to be sent back
    Dropped,
    /// Whatever
    Any,
}

impl FilterArgs {
    /// Whether every open letter is meant.
    pub(super) fn is_everything(&self) -> bool {
        self.reason.is_empty()
            && self.endpoint.is_empty()
            && self.key.is_empty()
            && self.letter.is_empty()
            && self.since.is_none()
            && self.until.is_none()
    }

    pub(super) fn filter(&self) -> Filter {
        let filter = Filter::new();
        let reasons = self.reason.iter();
        let filter = reasons.fold(filter, |filter, reason| filter.reason(reason));
        let endpoints = self.endpoint.iter().cloned();
        let filter = endpoints.fold(filter, Filter::endpoint);
        let keys = self.key.iter().cloned();
        let filter = keys.fold(filter, Filter::key);
        let places = self.letter.iter().copied();
        let filter = places.fold(filter, Filter::place);
        let filter = self.since.into_iter().fold(filter, Filter::since);
        let filter = self.until.into_iter().fold(filter, Filter::until);
        match self.state {
            WhichState::Open => filter.states([State::Open]),
            WhichState::Redriven => filter.states([State::Redriven]),
            WhichState::Dropped => filter.states([State::Dropped]),
            WhichState::Any => filter.states([]),
        }
    }

    /// A reason that nobody gives is a slip of the pen, where one that no letter has
    /// at present is none.
    pub(super) fn check(&self, there: &BTreeSet<String>) -> Result<(), Failure> {
        let is_known = |reason: &&String| {
            there.contains(*reason) || Reason::ALL.iter().any(|known| known.as_str() == **reason)
        };
        let Some(unknown) = self.reason.iter().find(|reason| !is_known(reason)) else {
            return Ok(());
        };
        let known = Reason::ALL.iter().map(|reason| reason.as_str());
        let known: BTreeSet<&str> = known.chain(there.iter().map(String::as_str)).collect();
        let known: Vec<&str> = known.into_iter().collect();
        Err(Failure::wrong(format!(
            "reason {unknown:?} is unknown: use one of {}",
            known.join(", ")
        )))
    }
}
