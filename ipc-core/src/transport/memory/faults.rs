//! Where a test makes the log misbehave.

use std::time::Duration;

use crate::transport::{Outgoing, TopicPartition, Transaction};

/// Decides what becomes of each produced record and of each fetch. Asked in a
/// deterministic order; without one nothing goes wrong.
pub trait Faults: Send {
    /// A valid `record` is about to be appended to `partition` of its topic.
    fn produce(&mut self, record: &Outgoing, partition: i32) -> Produce;

    /// A consumer is about to read `partition` from `offset`, where there is a
    /// record.
    fn fetch(&mut self, partition: &TopicPartition, offset: i64) -> Fetch;

    /// A member of a group is about to commit that `offset` is the next of
    /// `partition`. Default: it is committed.
    fn commit(&mut self, partition: &TopicPartition, offset: i64) -> Commit {
        let _ = (partition, offset);
        Commit::Apply
    }

    /// A member of a group is about to commit a valid transaction. Default: it is
    /// committed.
    fn transact(&mut self, transaction: &Transaction) -> Transact {
        let _ = transaction;
        Transact::Commit
    }
}

/// What becomes of a produced record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Produce {
    /// It is in the log, and its sender knows.
    Acknowledge,
    /// It is in the log, and its sender cannot know.
    LoseAck,
    /// It is not in the log, and its sender cannot know.
    LoseRecord,
    /// It is in the log, and its sender knows after this long: acknowledgements of
    /// later records may come first.
    AcknowledgeAfter(Duration),
    /// It is in the log twice, one right after the other, and its sender knows of the
    /// first.
    Repeat,
}

/// What becomes of a fetch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Fetch {
    /// It brings records.
    Deliver,
    /// It brings nothing; the consumer asks again after this long.
    Retry(Duration),
}

/// What becomes of a commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Commit {
    /// The group has it.
    Apply,
    /// The group does not have it: a background commit is tried again with the next,
    /// and one that somebody waits for is said to have failed.
    Lose,
}

/// What becomes of a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Transact {
    /// Records and offsets are there, and its sender knows.
    Commit,
    /// They are there, and its sender knows after this long.
    CommitAfter(Duration),
    /// Nothing of it is there; its sender begins it again.
    Abort,
    /// They are there, and its sender has to find that out.
    LoseAnswer,
}
