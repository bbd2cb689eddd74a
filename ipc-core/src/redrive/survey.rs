//! What one partition of a dead-letter topic holds.

use std::collections::BTreeSet;

use super::mark::{Mark, Marks};
use super::{DeadLetter, Filter, State};
use crate::transport::{Reader, Start, TopicPartition, Transport, TransportError};

/// Most different reasons that are remembered.
const REASONS: usize = 100;

/// One look at a partition. Of a letter only its offset is kept: what was decided for
/// it lies behind it, so that which letters are open shows at the end.
pub(super) struct Survey {
    pub(super) partition: TopicPartition,
    /// Why letters were given up, whichever the filter takes.
    pub(super) reasons: BTreeSet<String>,
    marks: Marks,
    /// Letters that the filter takes, whatever was decided for them.
    matching: Vec<i64>,
    /// Where the next look begins.
    next: i64,
}

impl Survey {
    /// Reads the partition to its end.
    pub(super) async fn take(
        transport: &dyn Transport,
        partition: TopicPartition,
        filter: &Filter,
    ) -> Result<Self, TransportError> {
        let mut survey = Self {
            partition,
            reasons: BTreeSet::new(),
            marks: Marks::default(),
            matching: Vec::new(),
            next: 0,
        };
        let from = survey.partition.clone();
        let mut reader = Reader::open(transport, from, Start::Beginning).await?;
        while let Some(record) = reader.next().await? {
            let offset = record.origin.offset;
            survey.next = offset + 1;
            if let Some(mark) = Mark::parse(&record.envelope.headers) {
                survey.marks.note(mark);
                continue;
            }
            let letter = DeadLetter::new(record);
            if survey.reasons.len() < REASONS && !survey.reasons.contains(letter.reason()) {
                survey.reasons.insert(letter.reason().to_owned());
            }
            if filter.matches(&letter) {
                survey.matching.push(offset);
            }
        }
        Ok(survey)
    }

    /// Learns what was decided since. Letters that came since are not added.
    pub(super) async fn catch_up(
        &mut self,
        transport: &dyn Transport,
    ) -> Result<(), TransportError> {
        let from = self.partition.clone();
        let mut reader = Reader::open(transport, from, Start::At(self.next)).await?;
        while let Some(record) = reader.next().await? {
            self.next = record.origin.offset + 1;
            if let Some(mark) = Mark::parse(&record.envelope.headers) {
                self.marks.note(mark);
            }
        }
        Ok(())
    }

    /// The letters that the filter takes, their states included; ascending.
    pub(super) fn selected(&self, filter: &Filter) -> Vec<(i64, State)> {
        let with_state = |offset: &i64| (*offset, self.marks.of(*offset));
        let all = self.matching.iter().map(with_state);
        all.filter(|(_, state)| filter.takes(*state)).collect()
    }
}
