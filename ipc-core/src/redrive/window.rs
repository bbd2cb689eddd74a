//! Letters that were dealt with and are not marked yet.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use super::mark::{MOST, Mark};
use super::report::{Kind, kind};
use super::{DeadLetter, Place, Refusal, Report, State};
use crate::transport::{Outgoing, Receipt, SendError, TopicPartition, Transport, TransportError};

/// Letters of one partition between being sent and being marked. A run that is
/// killed repeats these, and no others.
pub(super) struct Window<'a> {
    transport: &'a dyn Transport,
    partition: &'a TopicPartition,
    action: State,
    /// Sent and not known to be in the log; ascending.
    sent: Vec<Sent>,
    /// Which of them share a lane: of one key and topic, one is on its way at a time.
    lanes: HashSet<(Arc<str>, Bytes)>,
    /// Dealt with; ascending.
    done: Vec<i64>,
}

struct Sent {
    place: Place,
    kind: Kind,
    receipt: Receipt,
}

impl<'a> Window<'a> {
    pub(super) fn new(
        transport: &'a dyn Transport,
        partition: &'a TopicPartition,
        action: State,
    ) -> Self {
        Self {
            transport,
            partition,
            action,
            sent: Vec::new(),
            lanes: HashSet::new(),
            done: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty() && self.done.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.sent.len() + self.done.len() >= MOST
    }

    /// Sends a letter's record, once the one before it in its lane is in the log: a
    /// lane must not go on behind a record that was not taken.
    pub(super) async fn send(
        &mut self,
        letter: &DeadLetter,
        record: &Outgoing,
        report: &mut Report,
    ) -> Result<(), TransportError> {
        let key = record.envelope.key.clone();
        if let Some(lane) = key.map(|key| (Arc::clone(&record.topic), key))
            && !self.lanes.insert(lane.clone())
        {
            self.settle(report).await?;
            self.lanes.insert(lane);
        }
        let receipt = self.transport.append(record);
        self.sent.push(Sent {
            place: letter.place(),
            kind: kind(letter),
            receipt,
        });
        Ok(())
    }

    /// Takes a letter that nothing is sent of.
    pub(super) fn drop_letter(&mut self, letter: &DeadLetter, report: &mut Report) {
        self.done.push(letter.place().offset);
        report.settle(kind(letter));
    }

    /// Waits until everything sent is in the log, and marks what is.
    pub(super) async fn close(&mut self, report: &mut Report) -> Result<(), TransportError> {
        let settled = self.settle(report).await;
        self.mark().await?;
        settled
    }

    async fn settle(&mut self, report: &mut Report) -> Result<(), TransportError> {
        self.lanes.clear();
        let mut failed = None;
        for Sent {
            place,
            kind,
            receipt,
        } in self.sent.drain(..)
        {
            match receipt.await {
                Ok(_) => {
                    self.done.push(place.offset);
                    report.settle(kind);
                }
                Err(
                    SendError::TooLarge { reason: why, .. }
                    | SendError::Refused { reason: why, .. },
                ) => {
                    report.refuse(place, Refusal::NotTaken { why });
                }
                Err(error) => failed = failed.or(Some((place, error))),
            }
        }
        failed.map_or(Ok(()), |(place, error)| {
            Err(TransportError::other(format!(
                "letter {place} may or may not have been sent back, {error}: run this again once the log takes records"
            )))
        })
    }

    async fn mark(&mut self) -> Result<(), TransportError> {
        if self.done.is_empty() {
            return Ok(());
        }
        let mark = Mark {
            state: self.action,
            offsets: std::mem::take(&mut self.done),
        };
        let record = Outgoing {
            topic: Arc::clone(&self.partition.topic),
            partition: Some(self.partition.partition),
            envelope: mark.to_envelope(),
        };
        let receipt = self.transport.append(&record);
        let marked = receipt.await;
        marked.map(drop).map_err(|error| {
            let places: Vec<String> = mark
                .offsets
                .iter()
                .map(|offset| format!("{}:{offset}", self.partition.partition))
                .collect();
            TransportError::other(format!(
                "letters {} are {} and not marked so, {error}: the next run repeats them",
                places.join(", "),
                self.action
            ))
        })
    }
}
