//! The topics in which parked records stand, one beside each request topic.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::entry::{self, Place, Said};
use super::restore::Restore;
use crate::dispatch::Record;
use crate::dispatch::assignment::Assignment;
use crate::envelope::{Envelope, UnixMillis};
use crate::transport::{
    Follower, Origin, Outgoing, SendError, TopicPartition, TopicState, Transport,
};

/// Between two tries to write or to read.
pub(super) const PAUSE: Duration = Duration::from_millis(500);

/// What is told of parked records.
#[derive(Debug)]
pub(crate) enum Parked {
    /// Everything is read that was parked of a partition.
    Found(Assignment, Box<Found>),
    /// The entry of a request is in the log, or does not fit there.
    Written(Assignment, i64, Fits),
    /// The entries of a request that is done with are taken away.
    Settled(Assignment, i64),
    /// An earlier owner of the partition, with this fence, has written the entry of a
    /// request since.
    Late(Assignment, i64, i64),
}

/// Whether the topic takes a record of that size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fits {
    Yes,
    No,
}

/// What is said of requests.
pub(super) type Entries = BTreeMap<Place, Said>;

/// What is parked of a partition.
#[derive(Debug)]
pub(crate) struct Found {
    pub(super) entries: Entries,
    /// The next request to come, where the group has committed any.
    pub(super) committed: Option<i64>,
    pub(super) entrance: Entrance,
    pub(super) follower: Follower,
}

impl Found {
    /// The next request to come.
    pub(in crate::dispatch) fn next(&self) -> i64 {
        self.committed.unwrap_or_default()
    }
}

/// Where records of the service's request topics are parked.
#[derive(Clone)]
pub(crate) struct ParkedTopics {
    transport: Arc<dyn Transport>,
    group: Arc<str>,
    /// By the topic of the requests.
    topics: BTreeMap<Arc<str>, Arc<str>>,
}

/// Where records of one assigned partition are parked, by their owner.
#[derive(Clone)]
pub(in crate::dispatch) struct Entrance {
    transport: Arc<dyn Transport>,
    place: TopicPartition,
    fence: i64,
    /// Cancelled when the partition has gone.
    gone: CancellationToken,
}

impl ParkedTopics {
    /// One beside each topic of requests that `group` reads.
    pub(crate) fn new(
        transport: Arc<dyn Transport>,
        group: Arc<str>,
        topics: BTreeMap<Arc<str>, Arc<str>>,
    ) -> Self {
        Self {
            transport,
            group,
            topics,
        }
    }

    /// Whether records of this topic can be parked.
    pub(in crate::dispatch) fn are_beside(&self, topic: &str) -> bool {
        self.topics.contains_key(topic)
    }

    /// Reads what is parked of these partitions, and tells it of each, however long that
    /// takes.
    pub(in crate::dispatch) async fn restore(
        self,
        partitions: Vec<(Assignment, TopicPartition, CancellationToken)>,
        tell: impl Fn(Parked) + Clone + Send + 'static,
    ) {
        let mut by_topic: BTreeMap<Arc<str>, Vec<_>> = BTreeMap::new();
        for partition in partitions {
            let topic = Arc::clone(&partition.1.topic);
            by_topic.entry(topic).or_default().push(partition);
        }
        join_all(by_topic.into_iter().map(|(topic, partitions)| {
            let (all, tell) = (&self, &tell);
            async move {
                let committed = all.committed(&topic, &partitions).await;
                let each = partitions.into_iter().map(|(assignment, of, gone)| {
                    let index = usize::try_from(of.partition).ok();
                    let committed = index.and_then(|at| committed.get(at).copied().flatten());
                    let gone = gone.clone();
                    async move {
                        let reading = all.read(assignment, of, committed, gone.clone(), tell);
                        gone.run_until_cancelled(reading).await;
                    }
                });
                join_all(each).await;
            }
        }))
        .await;
    }

    /// How far the group is, by partition.
    async fn committed(
        &self,
        topic: &Arc<str>,
        partitions: &[(Assignment, TopicPartition, CancellationToken)],
    ) -> Vec<Option<i64>> {
        let numbers = partitions.iter().map(|(_, of, _)| of.partition);
        let state = TopicState {
            name: Arc::clone(topic),
            partitions: numbers.max().map_or(0, |last| last + 1),
        };
        loop {
            match self.transport.committed(&self.group, &state).await {
                Ok(committed) => return committed,
                Err(error) => tracing::warn!(%error, "parked records wait: {topic} is not known"),
            }
            sleep(PAUSE).await;
        }
    }

    async fn read(
        &self,
        assignment: Assignment,
        of: TopicPartition,
        committed: Option<i64>,
        gone: CancellationToken,
        tell: &(impl Fn(Parked) + Clone + Send + 'static),
    ) {
        let Some(topic) = self.topics.get(&of.topic) else {
            return;
        };
        let place = TopicPartition {
            topic: Arc::clone(topic),
            partition: of.partition,
        };
        let restore = Restore {
            transport: Arc::clone(&self.transport),
            assignment,
            place,
            of,
            committed,
            gone,
        };
        while let Err(error) = restore.run(tell.clone()).await {
            let Restore { place, of, .. } = &restore;
            tracing::warn!(%error, "{of} waits until it is known what is parked in {place}");
            sleep(PAUSE).await;
        }
    }
}

impl Entrance {
    pub(super) fn new(
        transport: Arc<dyn Transport>,
        place: TopicPartition,
        fence: i64,
        gone: CancellationToken,
    ) -> Self {
        Self {
            transport,
            place,
            fence,
            gone,
        }
    }

    /// The entry of a record whose next attempt is due then.
    pub(in crate::dispatch) fn entry(&self, record: &Record, due: UnixMillis) -> Envelope {
        entry::write(record, self.fence, due)
    }

    /// Writes an entry, and returns when it is in the log, however long that takes, or
    /// when it cannot be there. `None` where it is not ours to write any more.
    pub(in crate::dispatch) async fn put(&self, entry: Envelope) -> Option<Fits> {
        self.gone.run_until_cancelled(self.write(entry)).await
    }

    /// Takes the entries of a request away that is done with, and returns when that is in
    /// the log. `None` where they are not ours to take away any more.
    pub(in crate::dispatch) async fn settle(&self, of: &Origin, fences: Vec<i64>) -> Option<()> {
        let written = of.timestamp.millis();
        for fence in fences {
            self.put(entry::settle((of.offset, fence), written)).await?;
        }
        Some(())
    }

    /// Takes entries of a request away, as if they had never been.
    pub(in crate::dispatch) async fn undo(&self, offset: i64, fences: Vec<i64>) {
        for fence in fences {
            self.put(entry::undo((offset, fence))).await;
        }
    }

    /// The number of this owner: higher than that of every earlier one.
    pub(in crate::dispatch) fn fence(&self) -> i64 {
        self.fence
    }

    async fn write(&self, entry: Envelope) -> Fits {
        let record = self.record(entry);
        loop {
            match self.transport.append(&record).await {
                Ok(_) => return Fits::Yes,
                Err(SendError::Closed) => return std::future::pending().await,
                Err(error @ SendError::TooLarge { .. }) => {
                    tracing::warn!(%error, "a record is too large to be parked, it waits in its lane");
                    return Fits::No;
                }
                Err(error) => {
                    tracing::warn!(%error, "parked record not in its topic; its lane waits");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn record(&self, envelope: Envelope) -> Outgoing {
        Outgoing {
            topic: Arc::clone(&self.place.topic),
            partition: Some(self.place.partition),
            envelope,
        }
    }
}

impl fmt::Debug for ParkedTopics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParkedTopics")
            .field("topics", &self.topics)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Entrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entrance")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
