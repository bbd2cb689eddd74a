//! Which dead letters are meant.

use std::collections::BTreeSet;
use std::str::FromStr;

use bytes::Bytes;

use super::{DeadLetter, Place, State};
use crate::envelope::UnixMillis;

/// Which dead letters are meant: those that meet every condition. A condition that
/// is given several times is met by any of its values. Default: every open letter.
#[derive(Clone, Debug)]
#[must_use]
pub struct Filter {
    reasons: BTreeSet<String>,
    endpoints: Vec<EndpointPattern>,
    keys: BTreeSet<Bytes>,
    places: BTreeSet<Place>,
    since: Option<UnixMillis>,
    until: Option<UnixMillis>,
    states: Vec<State>,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            reasons: BTreeSet::new(),
            endpoints: Vec::new(),
            keys: BTreeSet::new(),
            places: BTreeSet::new(),
            since: None,
            until: None,
            states: vec![State::Open],
        }
    }
}

impl Filter {
    /// Every open letter.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those given up for `reason`: `panic`, `timeout` and the like.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reasons.insert(reason.into());
        self
    }

    /// Those of an endpoint.
    pub fn endpoint(mut self, pattern: EndpointPattern) -> Self {
        self.endpoints.push(pattern);
        self
    }

    /// Those under a record key.
    pub fn key(mut self, key: impl Into<Bytes>) -> Self {
        self.keys.insert(key.into());
        self
    }

    /// The letter at a place.
    pub fn place(mut self, place: Place) -> Self {
        self.places.insert(place);
        self
    }

    /// Those that failed at `since` or later.
    pub fn since(mut self, since: UnixMillis) -> Self {
        self.since = Some(since);
        self
    }

    /// Those that failed before `until`.
    pub fn until(mut self, until: UnixMillis) -> Self {
        self.until = Some(until);
        self
    }

    /// Those in one of these states, instead of open ones. None: in any state.
    pub fn states(mut self, states: impl IntoIterator<Item = State>) -> Self {
        self.states = states.into_iter().collect();
        self
    }

    /// Whether a letter meets every condition but that of its state.
    #[must_use]
    pub fn matches(&self, letter: &DeadLetter) -> bool {
        let failed = letter.failed_at();
        let key = letter.envelope().key.as_ref();
        let endpoint = |pattern: &EndpointPattern| pattern.matches(letter);
        (self.reasons.is_empty() || self.reasons.contains(letter.reason()))
            && (self.endpoints.is_empty() || self.endpoints.iter().any(endpoint))
            && (self.keys.is_empty() || key.is_some_and(|key| self.keys.contains(key)))
            && (self.places.is_empty() || self.places.contains(&letter.place()))
            && (self.since).is_none_or(|since| failed.is_some_and(|at| at >= since))
            && (self.until).is_none_or(|until| failed.is_some_and(|at| at < until))
    }

    pub(super) fn takes(&self, state: State) -> bool {
        self.states.is_empty() || self.states.contains(&state)
    }
}

/// A path or a path template, with or without a method: `POST /orders/{id}/place`,
/// `/orders/7/place`. The query of a request does not count.
#[derive(Clone, Debug)]
pub struct EndpointPattern {
    method: Option<String>,
    path: matchit::Router<()>,
}

/// An endpoint pattern that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "endpoint {text:?} cannot be matched, {why}: write it as POST /orders/{{id}}/place or /orders/7"
)]
pub struct InvalidPattern {
    text: String,
    why: String,
}

impl EndpointPattern {
    /// Whether a letter's request was for such an endpoint.
    #[must_use]
    pub fn matches(&self, letter: &DeadLetter) -> bool {
        let method = self.method.as_deref();
        let path = letter.path().unwrap_or_default();
        let (path, _query) = path.split_once('?').unwrap_or((path, ""));
        method.is_none_or(|method| letter.method() == Some(method)) && self.path.at(path).is_ok()
    }
}

impl FromStr for EndpointPattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let invalid = |why: String| InvalidPattern {
            text: text.to_owned(),
            why,
        };
        let trimmed = text.trim();
        let (method, template) = match trimmed.split_once(char::is_whitespace) {
            Some((method, template)) => (Some(method.to_ascii_uppercase()), template.trim_start()),
            None => (None, trimmed),
        };
        if !template.starts_with('/') {
            return Err(invalid("its path does not begin with a slash".to_owned()));
        }
        let mut path = matchit::Router::new();
        path.insert(template, ())
            .map_err(|error| invalid(error.to_string()))?;
        Ok(Self { method, path })
    }
}
