//! What was decided for letters, as records behind them in their own partition: a
//! log takes nothing back, so that a decision is written after what it is about.

use std::collections::HashMap;
use std::fmt::Write as _;

use rustc_hash::FxBuildHasher;

use super::State;
use crate::envelope::{Envelope, Headers, names};

/// Most letters that one mark is about: bounds what a hostile range can make of a
/// few bytes.
pub(super) const MOST: usize = 100;

/// One decision for some letters of a partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Mark {
    /// [`State::Redriven`] or [`State::Dropped`].
    pub(crate) state: State,
    /// The letters' offsets, ascending.
    pub(crate) offsets: Vec<i64>,
}

impl Mark {
    /// The mark that a record of a dead-letter topic is; `None` where it is a letter.
    /// A letter names its origin whatever headers its sender chose, a mark never does.
    pub(crate) fn parse(headers: &Headers) -> Option<Self> {
        if headers.contains(names::DLT_ORIGINAL_TOPIC) {
            return None;
        }
        let state = match headers.get_str(names::DLQ_SETTLED)? {
            "redriven" => State::Redriven,
            "dropped" => State::Dropped,
            _ => return None,
        };
        let offsets = parse_runs(headers.get_str(names::DLQ_OFFSETS)?)?;
        Some(Self { state, offsets })
    }

    /// The whole record: headers, and neither key nor payload.
    pub(super) fn to_envelope(&self) -> Envelope {
        let mut headers = Headers::with_capacity(2);
        headers.push_static(names::DLQ_SETTLED, self.state.as_str());
        headers.push_static(names::DLQ_OFFSETS, format_runs(&self.offsets));
        Envelope {
            headers,
            key: None,
            payload: None,
        }
    }
}

/// What was decided for the letters of a partition; a later mark wins.
#[derive(Debug, Default)]
pub(super) struct Marks(HashMap<i64, State, FxBuildHasher>);

impl Marks {
    pub(super) fn note(&mut self, mark: Mark) {
        let Mark { state, offsets } = mark;
        self.0
            .extend(offsets.into_iter().map(|offset| (offset, state)));
    }

    pub(super) fn of(&self, offset: i64) -> State {
        self.0.get(&offset).copied().unwrap_or_default()
    }
}

/// Ascending, runs joined: `3-5,9`.
fn format_runs(offsets: &[i64]) -> String {
    let mut text = String::new();
    for run in offsets.chunk_by(|one, next| one.checked_add(1) == Some(*next)) {
        let separator = if text.is_empty() { "" } else { "," };
        // Writing to a string does not fail.
        let _ = match run {
            [first, .., last] => write!(text, "{separator}{first}-{last}"),
            [only] => write!(text, "{separator}{only}"),
            [] => Ok(()),
        };
    }
    text
}

fn parse_runs(text: &str) -> Option<Vec<i64>> {
    let mut offsets = Vec::new();
    for run in text.split(',') {
        let (first, last) = run.split_once('-').unwrap_or((run, run));
        let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        let (first, last) = (i64::try_from(first).ok()?, i64::try_from(last).ok()?);
        let beyond = usize::try_from(last.checked_sub(first)?).ok()?;
        if offsets.len() + beyond >= MOST {
            return None;
        }
        offsets.extend(first..=last);
    }
    Some(offsets)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_mark_is_read_as_it_is_written(
            offsets in prop::collection::btree_set(0..i64::MAX, 1..=MOST),
            dense in prop::collection::btree_set(0..50_i64, 1..=MOST / 2),
            dropped: bool,
        ) {
            let state = if dropped { State::Dropped } else { State::Redriven };
            for offsets in [offsets, dense] {
                let mark = Mark { state, offsets: offsets.into_iter().collect() };
                prop_assert_eq!(Mark::parse(&mark.to_envelope().headers), Some(mark));
            }
        }

        #[test]
        fn runs_of_any_text_are_read_without_a_panic_and_within_bounds(text in "[0-9,-]{0,60}|.{0,20}") {
            let runs = parse_runs(&text).unwrap_or_default();
            prop_assert!(runs.len() <= MOST);
            prop_assert!(runs.iter().all(|offset| *offset >= 0));
        }

        #[test]
        fn the_last_mark_of_a_letter_counts(
            first in prop::collection::btree_set(0..20_i64, 0..20),
            second in prop::collection::btree_set(0..20_i64, 0..20),
        ) {
            let mut marks = Marks::default();
            let list = |offsets: &BTreeSet<i64>| offsets.iter().copied().collect();
            marks.note(Mark { state: State::Dropped, offsets: list(&first) });
            marks.note(Mark { state: State::Redriven, offsets: list(&second) });
            for offset in 0..20 {
                let expected = match (first.contains(&offset), second.contains(&offset)) {
                    (_, true) => State::Redriven,
                    (true, false) => State::Dropped,
                    (false, false) => State::Open,
                };
                prop_assert_eq!(marks.of(offset), expected);
            }
        }
    }

    #[test]
    fn a_letter_whose_sender_wrote_the_headers_of_a_mark_is_no_mark() {
        let mark = Mark {
            state: State::Dropped,
            offsets: vec![1],
        };
        let mut headers = mark.to_envelope().headers;
        headers.push_static(names::DLT_ORIGINAL_TOPIC, "orders.requests");
        assert_eq!(Mark::parse(&headers), None);
    }
}
