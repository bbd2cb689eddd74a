//! Letters of one partition, read again once it is known which are meant.

use std::collections::VecDeque;

use super::{DeadLetter, State};
use crate::transport::{Reader, Start, TopicPartition, Transport, TransportError};

/// The letters at some offsets of one partition.
pub(super) struct Selection {
    /// What is still to come, ascending.
    wanted: VecDeque<(i64, State)>,
    reader: Reader,
}

impl Selection {
    /// `None` where no letter is wanted.
    pub(super) async fn open(
        transport: &dyn Transport,
        partition: TopicPartition,
        wanted: Vec<(i64, State)>,
    ) -> Result<Option<Self>, TransportError> {
        let Some((first, _)) = wanted.first() else {
            return Ok(None);
        };
        let reader = Reader::open(transport, partition, Start::At(*first)).await?;
        Ok(Some(Self {
            wanted: wanted.into(),
            reader,
        }))
    }

    /// The next letter; `None` after the last. One that its topic no longer keeps is
    /// passed over.
    pub(super) async fn next(&mut self) -> Result<Option<DeadLetter>, TransportError> {
        while !self.wanted.is_empty() {
            let Some(record) = self.reader.next().await? else {
                return Ok(None);
            };
            let offset = record.origin.offset;
            let gone = self.wanted.partition_point(|(wanted, _)| *wanted < offset);
            self.wanted.drain(..gone);
            if let Some((wanted, state)) = self.wanted.front().copied()
                && wanted == offset
            {
                self.wanted.pop_front();
                return Ok(Some(DeadLetter::new(record).in_state(state)));
            }
        }
        Ok(None)
    }
}
