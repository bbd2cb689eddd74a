//! Reading: what a consumer reports and how it is steered.

use std::sync::Arc;
use std::time::Duration;

use super::{Received, TopicPartition, Transactions, TransportError};
use crate::envelope::UnixMillis;
use async_trait::async_trait;

/// Which topics to read, as a member of which group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The consumer group.
    pub group: Arc<str>,
    /// The topics.
    pub topics: Vec<Arc<str>>,
}

/// Where a group-less reader starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// After everything that is in the partition now.
    End,
    /// At the oldest record kept.
    Beginning,
    /// At the first record as young as this, by the records' own timestamps; after
    /// everything where none is.
    Since(UnixMillis),
    /// At this offset; at the oldest record kept where the partition has no such
    /// offset, because it was cut or made anew.
    At(i64),
}

/// What a consumer reports, in order.
#[derive(Debug)]
pub enum Event {
    /// These partitions are ours from now on.
    Assigned(Vec<TopicPartition>),
    /// Records, in offset order within each partition.
    Records(Vec<Received>),
    /// These partitions are being taken away.
    Revoked(Revocation),
    /// The consumer cannot read for now, and says why; it goes on trying.
    Troubled(String),
    /// The consumer has ended; nothing follows.
    Closed,
}

/// Partitions on their way to another member. The group waits until this is
/// dropped (or the transport's bound has passed): offsets stored before that are
/// committed, unless the assignment is lost already.
#[derive(Debug)]
pub struct Revocation {
    /// The partitions.
    pub partitions: Vec<TopicPartition>,
    /// True when the group has given them to somebody else already: nothing can
    /// be committed any more.
    pub lost: bool,
    #[expect(dead_code, reason = "acts when dropped")]
    release: Release,
}

impl Revocation {
    /// A revocation that calls `release`, once, when it is dropped.
    #[must_use]
    pub fn new(
        partitions: Vec<TopicPartition>,
        lost: bool,
        release: impl FnOnce() + Send + Sync + 'static,
    ) -> Self {
        Self {
            partitions,
            lost,
            release: Release(Some(Box::new(release))),
        }
    }
}

/// Runs its function on drop: nobody can forget to let the group go on.
struct Release(Option<Box<dyn FnOnce() + Send + Sync>>);

impl Drop for Release {
    fn drop(&mut self) {
        if let Some(release) = self.0.take() {
            release();
        }
    }
}

impl std::fmt::Debug for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Release")
    }
}

/// Receives a consumer's events on the consumer's own thread. Must not block.
pub trait Inlet: Send {
    /// Takes the next event.
    fn take(&mut self, event: Event);

    /// The consumer's loop has turned once more, with or without an event.
    fn turned(&mut self) {}

    /// Whether records that were taken lie about untouched, so that more would only
    /// lie behind them, where no pause reaches them. A consumer that is able to
    /// wait fetches nothing meanwhile.
    fn is_behind(&self) -> bool {
        false
    }

    /// Whether to be told when everything is read. Asked once, before the reading
    /// begins, and of group-less readers only: one that follows a log need not pay
    /// for it.
    fn looks_for_end(&self) -> bool {
        false
    }

    /// Everything that is in the partition has been taken. Said the first time, at
    /// least.
    fn at_end(&mut self) {}
}

impl<F: FnMut(Event) + Send> Inlet for F {
    fn take(&mut self, event: Event) {
        self(event);
    }
}

/// A committed offset with something said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The partition.
    pub partition: TopicPartition,
    /// The next offset to process.
    pub next: i64,
    /// What is said. Empty: nothing.
    pub text: Arc<str>,
}

/// Steers a consumer from any task. No call blocks.
#[async_trait]
pub trait ConsumerControl: Send + Sync {
    /// Stops fetching these partitions; what was fetched may still arrive.
    fn pause(&self, partitions: Vec<TopicPartition>);

    /// Fetches these partitions again, from after the last record that arrived.
    fn resume(&self, partitions: Vec<TopicPartition>);

    /// Stores the next offset to process of each partition; it is committed in
    /// the background, on revocation and on close. Partitions that are not
    /// assigned any more are ignored.
    fn store(&self, offsets: &[(TopicPartition, i64)]);

    /// Stores like [`store`](ConsumerControl::store), and returns once the group
    /// has the offsets.
    ///
    /// # Errors
    ///
    /// When the group did not confirm: the offsets may or may not be committed.
    ///
    /// # Cancel safety
    ///
    /// The commit goes on in the background.
    async fn commit(&self, offsets: &[(TopicPartition, i64)]) -> Result<(), TransportError>;

    /// Commits like [`commit`](ConsumerControl::commit), and leaves a note with each
    /// offset. The group keeps it until it is given another offset of that partition,
    /// or the same again; an empty one takes away what is there. At most 4096 bytes.
    ///
    /// # Errors
    ///
    /// When the group did not confirm: the notes may or may not be left.
    ///
    /// # Cancel safety
    ///
    /// The commit goes on in the background.
    async fn commit_noted(&self, notes: &[Note]) -> Result<(), TransportError>;

    /// The notes that are left with the committed offsets of these partitions, in the
    /// same order; empty where there is none.
    ///
    /// # Errors
    ///
    /// When the group does not answer.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is changed.
    async fn notes(&self, partitions: &[TopicPartition]) -> Result<Vec<String>, TransportError>;

    /// Has records written and offsets of this consumer committed at once, under an
    /// `id` that nobody else has. From then on every offset is committed that way: what
    /// is stored is ignored, and [`commit`](Self::commit) and
    /// [`commit_noted`](Self::commit_noted) fail.
    ///
    /// # Errors
    ///
    /// When the transport has no transactions, may not use them under this `id`, or
    /// nobody answers within its start-up bound.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is written.
    async fn transactions(&self, id: &str) -> Result<Arc<dyn Transactions>, TransportError> {
        Err(TransportError::configuration(format!(
            "no transactions under the id {id}: this transport has none"
        )))
    }

    /// Commits what is stored, leaves the group and ends. Gives up after `within`.
    ///
    /// # Cancel safety
    ///
    /// Closing goes on in the background.
    async fn close(&self, within: Duration);
}

/// A running consumer. Dropping it closes it in the background.
pub struct Consumer(Arc<dyn ConsumerControl>);

impl Consumer {
    /// A consumer steered by `control`.
    #[must_use]
    pub fn new(control: Arc<dyn ConsumerControl>) -> Self {
        Self(control)
    }
}

impl std::ops::Deref for Consumer {
    type Target = dyn ConsumerControl;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl std::fmt::Debug for Consumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumer").finish_non_exhaustive()
    }
}
