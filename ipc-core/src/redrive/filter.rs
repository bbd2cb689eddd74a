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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::envelope::{Envelope, Headers, names};
    use crate::transport::{Origin, Received, Timestamp, TopicPartition};

    const REASONS: [&str; 3] = ["panic", "timeout", "expired"];
    const PATTERNS: [&str; 3] = ["POST /orders/{id}", "/orders/{id}", "GET /stock"];

    #[derive(Clone, Debug)]
    struct Facts {
        reason: &'static str,
        key: Option<&'static str>,
        failed: u64,
        place: Place,
        endpoint: Option<(&'static str, &'static str)>,
    }

    impl Facts {
        fn letter(&self) -> DeadLetter {
            let mut headers = Headers::new();
            headers.push_static(names::DLQ_REASON, self.reason);
            headers.push_static(names::DLQ_FIRST_FAILED, self.failed.to_string());
            if let Some((method, path)) = self.endpoint {
                headers.push_static(names::METHOD, method);
                headers.push_static(names::PATH, path);
            }
            DeadLetter::new(Received {
                envelope: Envelope {
                    headers,
                    key: self.key.map(Bytes::from),
                    payload: None,
                },
                origin: Origin {
                    partition: TopicPartition {
                        topic: "orders.dlq".into(),
                        partition: self.place.partition,
                    },
                    offset: self.place.offset,
                    timestamp: Timestamp::Unknown,
                },
                intact: true,
            })
        }

        /// By the letter of each pattern, without a router.
        fn is_of(&self, pattern: &str) -> bool {
            match (pattern, self.endpoint) {
                ("POST /orders/{id}", Some(("POST", path))) => path.starts_with("/orders/"),
                ("/orders/{id}", Some((_, path))) => path.starts_with("/orders/"),
                ("GET /stock", Some(("GET", path))) => path.starts_with("/stock"),
                _ => false,
            }
        }
    }

    fn facts() -> impl Strategy<Value = Facts> {
        let endpoint = (
            prop::sample::select(vec!["GET", "POST"]),
            prop::sample::select(vec!["/orders/7", "/orders/8?x=/1", "/stock", "/stock?all"]),
        );
        (
            prop::sample::select(&REASONS[..]),
            prop::option::of(prop::sample::select(vec!["7", "8"])),
            0..4_u64,
            place(),
            prop::option::of(endpoint),
        )
            .prop_map(|(reason, key, failed, place, endpoint)| Facts {
                reason,
                key,
                failed,
                place,
                endpoint,
            })
    }

    fn place() -> impl Strategy<Value = Place> {
        (0..2_i32, 0..2_i64).prop_map(|(partition, offset)| Place { partition, offset })
    }

    proptest! {
        #[test]
        fn a_letter_is_meant_when_each_kind_of_condition_has_a_value_that_it_meets(
            facts in facts(),
            reasons in prop::sample::subsequence(&REASONS[..], 0..3),
            keys in prop::sample::subsequence(vec!["7", "8"], 0..2),
            patterns in prop::sample::subsequence(&PATTERNS[..], 0..3),
            places in prop::collection::vec(place(), 0..3),
            since in prop::option::of(0..4_u64),
            until in prop::option::of(0..4_u64),
        ) {
            let mut filter = Filter::new();
            for reason in &reasons {
                filter = filter.reason(*reason);
            }
            for key in &keys {
                filter = filter.key(*key);
            }
            for pattern in &patterns {
                filter = filter.endpoint(pattern.parse().unwrap());
            }
            for place in &places {
                filter = filter.place(*place);
            }
            filter = since.into_iter().map(UnixMillis).fold(filter, Filter::since);
            filter = until.into_iter().map(UnixMillis).fold(filter, Filter::until);
            let met = [
                reasons.is_empty() || reasons.contains(&facts.reason),
                keys.is_empty() || facts.key.is_some_and(|key| keys.contains(&key)),
                patterns.is_empty() || patterns.iter().any(|pattern| facts.is_of(pattern)),
                places.is_empty() || places.contains(&facts.place),
                since.is_none_or(|since| facts.failed >= since),
                until.is_none_or(|until| facts.failed < until),
            ];
            prop_assert_eq!(filter.matches(&facts.letter()), met.iter().all(|it| *it));
        }

        #[test]
        fn any_text_is_a_pattern_or_is_named(text in "(GET )?/?[a-z{}*/ ]{0,12}|.{0,12}") {
            if let Err(error) = text.parse::<EndpointPattern>() {
                let error = error.to_string();
                prop_assert!(error.contains(&format!("{text:?}")), "{}", error);
            }
        }
    }

    #[test]
    fn only_open_letters_are_meant_unless_it_is_said() {
        let all = [State::Open, State::Redriven, State::Dropped];
        let taken = |filter: Filter| all.map(|state| filter.takes(state));
        assert_eq!(taken(Filter::new()), [true, false, false]);
        let dropped = Filter::new().states([State::Dropped]);
        assert_eq!(taken(dropped), [false, false, true]);
        assert_eq!(taken(Filter::new().states([])), [true; 3]);
    }
}
