//! What an owner of a partition leaves with the committed offset, for its successor to
//! find if it dies.

use std::collections::BTreeMap;
use std::fmt;

const NAME: &str = "ipc-suspect";
/// Most records that are told of: a note has to be short.
const MOST: usize = 64;

/// How often a partition was begun at one committed offset without getting any further.
/// Another offset that is committed takes the note away.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Lives {
    /// Owners that have begun there with everything at once, the present one among them.
    pub(super) begun: u32,
    /// How often a record was begun alone and did not come to an end, by offset.
    pub(super) alone: BTreeMap<i64, u32>,
}

impl Lives {
    /// What a note says; nothing where it is not one of ours.
    pub(super) fn read(note: &str) -> Self {
        let mut words = note.split(' ');
        if words.next() != Some(NAME) {
            return Self::default();
        }
        let begun = words.next().and_then(|begun| begun.parse().ok());
        let records = words.filter_map(|word| {
            let (offset, times) = word.split_once('=')?;
            Some((offset.parse().ok()?, times.parse().ok()?))
        });
        Self {
            begun: begun.unwrap_or(0),
            alone: records.collect(),
        }
    }

    /// Whether an owner died there.
    pub(super) fn tell_of_death(&self) -> bool {
        self.begun > 0
    }

    /// Takes note that a record is begun alone.
    pub(super) fn begin(&mut self, offset: i64) {
        let times = self.alone.entry(offset).or_default();
        *times = times.saturating_add(1);
    }

    /// Takes note that a record has come to an end.
    pub(super) fn end(&mut self, offset: i64) {
        self.alone.remove(&offset);
    }

    /// How many owners died of this record, as far as that can be told: while it was
    /// handled alone, and the one before that, which raised the suspicion.
    pub(super) fn deaths_of(&self, offset: i64) -> u32 {
        let alone = self.alone.get(&offset);
        alone.map_or(0, |alone| alone.saturating_add(1))
    }
}

impl fmt::Display for Lives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NAME} {}", self.begun)?;
        let mut records: Vec<_> = self.alone.iter().collect();
        records.sort_by_key(|(offset, times)| (std::cmp::Reverse(**times), **offset));
        for (offset, times) in records.into_iter().take(MOST) {
            write!(f, " {offset}={times}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_death_counts_for_whichever_record_is_found_later() {
        let mut lives = Lives::read("ipc-suspect 1");
        assert!(lives.tell_of_death());
        assert_eq!(lives.deaths_of(57), 0);
        lives.begin(57);
        let mut next = Lives::read(&lives.to_string());
        assert_eq!(next.deaths_of(57), 2);
        next.begin(57);
        next.begin(58);
        next.end(58);
        let last = Lives::read(&next.to_string());
        assert_eq!((last.deaths_of(57), last.deaths_of(58)), (3, 0));
    }

    #[test]
    fn what_others_noted_says_nothing() {
        for note in ["", "ipc", "ipc-suspects 3", "{\"state\":1}", "ipc-suspect"] {
            assert_eq!(Lives::read(note), Lives::default(), "{note}");
        }
    }

    proptest! {
        #[test]
        fn a_note_is_read_as_it_was_written(
            begun in any::<u32>(),
            alone in prop::collection::btree_map(0..i64::MAX, 1..u32::MAX, 0..MOST),
        ) {
            let lives = Lives { begun, alone };
            prop_assert_eq!(Lives::read(&lives.to_string()), lives);
        }

        #[test]
        fn a_note_is_short_and_keeps_the_most_suspicious(
            many in prop::collection::btree_map(0..i64::MAX, 1..u32::MAX, MOST..200),
        ) {
            let worst = many.values().copied().max();
            let lives = Lives { begun: 1, alone: many };
            let note = lives.to_string();
            prop_assert!(note.len() <= 4096, "{}", note.len());
            let read = Lives::read(&note);
            prop_assert_eq!(read.alone.values().copied().max(), worst);
        }

        #[test]
        fn any_text_can_be_read(note in any::<String>(), rest in any::<String>()) {
            Lives::read(&note);
            Lives::read(&format!("{NAME} {rest}"));
        }
    }
}
