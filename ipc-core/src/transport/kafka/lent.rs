//! A consumer's client, as others than its owner have it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerGroupMetadata};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::context::Events;
use super::notes;
use crate::transport::{Note, TopicPartition, TransportError};

pub(super) type Client = BaseConsumer<Events>;

/// The client as the control has it.
#[derive(Default)]
pub(super) struct Lent {
    /// Held for moments only, because [`store`](Lent::store) waits for it.
    client: RwLock<Option<Arc<Client>>>,
    /// Read while a question to the broker is under way, which may take long.
    questions: RwLock<()>,
    /// Whether transactions commit the offsets. A commit beside them that the group's
    /// coordinator takes between a transaction's offsets and its end would outlive
    /// them, and set the group back.
    transactional: AtomicBool,
}

/// Takes the client back when the owner ends, however that comes about, so that
/// the owner's handle is the last one.
pub(super) struct Loan(Arc<Lent>);

impl Loan {
    pub(super) fn of(lent: Arc<Lent>) -> Self {
        Self(lent)
    }

    /// Lets others have the client.
    pub(super) fn begin(&self, client: &Arc<Client>) {
        *self.0.client.write() = Some(Arc::clone(client));
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.0.client.write().take();
        drop(self.0.questions.write());
    }
}

/// In whose name offsets are committed.
pub(super) enum Membership {
    Member(ConsumerGroupMetadata),
    /// One of the partitions is not ours.
    Fenced,
    /// The membership is on the move: to be asked again.
    Moving,
}

impl Lent {
    /// Has offsets committed by transactions alone from now on.
    pub(super) fn use_transactions(&self) {
        self.transactional.store(true, Ordering::SeqCst);
    }

    fn may_commit(&self) -> Result<(), TransportError> {
        match self.transactional.load(Ordering::SeqCst) {
            false => Ok(()),
            true => Err(TransportError::other(
                "offsets not committed: transactions commit those of this consumer",
            )),
        }
    }

    /// Stores offsets, to be committed in the background.
    pub(super) fn store(&self, offsets: &[(TopicPartition, i64)]) {
        if let Err(error) = self.may_commit() {
            tracing::debug!(target: "ipc::kafka", %error, "offsets not stored");
            return;
        }
        let client = self.client.read();
        let Some(client) = client.as_ref() else {
            return;
        };
        if let Err(error) = client.store_offsets(&offset_list(offsets)) {
            tracing::debug!(target: "ipc::kafka", %error, "offsets not stored");
        }
    }

    /// Commits offsets. Blocks until the group has them.
    pub(super) fn commit(&self, offsets: &[(TopicPartition, i64)]) -> Result<(), TransportError> {
        self.may_commit()?;
        self.ask(|client| {
            owned(client, offsets.iter().map(|(partition, _)| partition))?;
            client
                .commit(&offset_list(offsets), CommitMode::Sync)
                .map_err(|error| not_committed(&error))
        })
        .unwrap_or_else(closed)
    }

    /// Commits offsets with their notes. Blocks until the group has them.
    pub(super) fn commit_noted(&self, notes: &[Note]) -> Result<(), TransportError> {
        self.may_commit()?;
        self.ask(|client| {
            owned(client, notes.iter().map(|note| &note.partition))?;
            notes::commit(client, notes).map_err(|error| not_committed(&error))
        })
        .unwrap_or_else(closed)
    }

    /// The notes on what is committed of these partitions.
    pub(super) fn notes(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<Vec<String>, TransportError> {
        self.ask(|client| notes::read(client, partitions))
            .unwrap_or_else(closed)
    }

    /// The membership under which these partitions are ours.
    ///
    /// A member that was expelled has to let go of its partitions before it joins
    /// again, and cannot while this looks: so what is answered here is not of a
    /// later membership than the one that gave them.
    pub(super) fn membership(&self, offsets: &[Note]) -> Membership {
        let answer = self.ask(|client| {
            let partitions = offsets.iter().map(|note| &note.partition);
            let metadata = client
                .context()
                .while_held(partitions, || client.group_metadata());
            match metadata {
                None => Membership::Fenced,
                // Without an id it would commit as somebody who is no member; an
                // expelled one has none.
                Some(_) if client.assignment_lost() => Membership::Moving,
                Some(None) => Membership::Moving,
                Some(Some(metadata)) => Membership::Member(metadata),
            }
        });
        answer.unwrap_or(Membership::Fenced)
    }

    /// Whether the group is as far as these offsets say, and has their notes. Blocks,
    /// for `within` at most.
    pub(super) fn has_committed(
        &self,
        offsets: &[Note],
        within: Duration,
    ) -> Result<bool, KafkaError> {
        self.ask(|client| notes::are_committed(client, offsets, within))
            .unwrap_or(Err(KafkaError::Canceled))
    }

    /// Uses the client off its owner's thread; `None` once it is closed.
    fn ask<T>(&self, question: impl FnOnce(&Client) -> T) -> Option<T> {
        let _under_way = self.questions.read();
        let client = self.client.read().clone()?;
        Some(question(&client))
    }
}

/// The group takes offsets of any partition from any member.
fn owned<'p>(
    client: &Client,
    mut partitions: impl Iterator<Item = &'p TopicPartition>,
) -> Result<(), TransportError> {
    match partitions.find(|partition| !client.context().owns(partition)) {
        None => Ok(()),
        Some(partition) => Err(TransportError::other(format!(
            "offsets not committed: partition {partition} is not assigned any more"
        ))),
    }
}

fn not_committed(error: &KafkaError) -> TransportError {
    TransportError::other(format!("offsets not committed: {error}"))
}

fn closed<T>() -> Result<T, TransportError> {
    Err(TransportError::other("the consumer is closed"))
}

fn offset_list(offsets: &[(TopicPartition, i64)]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for (partition, next) in offsets {
        let offset = Offset::Offset(*next);
        let added = list.add_partition_offset(&partition.topic, partition.partition, offset);
        debug_assert!(added.is_ok(), "an offset from the log is a valid offset");
    }
    list
}
