//! How records travel: the contract every transport keeps.
//!
//! [`kafka`] is the real one; `memory` is a deterministic model of it for tests.
//! One conformance suite holds for both.

mod cleanup;
mod consumer;
mod decorator;
mod error;
mod follower;
mod gauges;
#[cfg(feature = "kafka")]
pub mod kafka;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
mod names;
mod plan;
mod reader;
mod record;
mod send;
mod stats;
mod topology;
mod transactions;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;

use crate::envelope::UnixMillis;

pub use cleanup::Cleanup;
pub use consumer::{
    Consumer, ConsumerControl, Event, Inlet, Note, Revocation, Start, Subscription,
};
pub use decorator::{ConsumerDecorator, Tap, TransportDecorator};
pub use error::TransportError;
pub(crate) use follower::{Behind, Followed, Follower};
pub use names::TopicNames;
pub use plan::{Found, Shortfall, TopologyPlan};
pub use reader::Reader;
pub use record::{Origin, Outgoing, Received, Timestamp, TopicPartition};
pub use send::{Ack, Placed, Receipt, SendError, Settle};
pub use stats::{BrokerStats, ClientStats, PartitionStats, RoundTrip, StatsSink};
pub use topology::{TopicSpec, TopicState};
pub use transactions::{Places, Transaction, TransactionError, Transactions};

/// A log of partitioned topics that can be produced to and consumed from.
///
/// One that does a single thing otherwise than another is a [`TransportDecorator`].
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Hands a record over for sending. Returns at once; `ack` learns, exactly
    /// once, whether the log has it.
    ///
    /// Records with the same key and topic keep their order, and so do those for one
    /// partition that their senders chose.
    fn send(&self, record: &Outgoing, ack: Ack);

    /// Hands a record over for sending, as [`send`](Transport::send) does, to one who
    /// waits for what becomes of it. Dropping the receipt calls nothing off.
    fn append(&self, record: &Outgoing) -> Receipt {
        let (ack, receipt) = Ack::pair();
        self.send(record, ack);
        receipt
    }

    /// The present, by the clock that stamps records and deadlines.
    fn now(&self) -> UnixMillis {
        UnixMillis::now()
    }

    /// The names of our topics on this log. Default: without a prefix.
    fn topic_names(&self) -> TopicNames {
        TopicNames::default()
    }

    /// Joins a consumer group. Events arrive at `inlet`.
    ///
    /// # Errors
    ///
    /// When the client cannot be made from its configuration. A broker that is
    /// away is not an error here: events start when it is back.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the group again.
    async fn subscribe(
        &self,
        subscription: Subscription,
        inlet: Box<dyn Inlet>,
    ) -> Result<Consumer, TransportError>;

    /// Reads one partition outside any group, from an explicit offset that is
    /// settled before this returns: what is sent afterwards is seen.
    ///
    /// # Errors
    ///
    /// When the topic or partition does not exist or no broker answers.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the reading.
    async fn read(
        &self,
        from: TopicPartition,
        start: Start,
        inlet: Box<dyn Inlet>,
    ) -> Result<Consumer, TransportError>;

    /// The state of the named topics, in the same order; `None` for one that
    /// does not exist.
    ///
    /// # Errors
    ///
    /// When no broker answers within the transport's start-up bound.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is changed.
    async fn topics(&self, names: &[Arc<str>]) -> Result<Vec<Option<TopicState>>, TransportError>;

    /// How many records each partition of `topic` has taken since a point in time,
    /// by the records' own timestamps.
    ///
    /// # Errors
    ///
    /// When no broker answers within the transport's start-up bound. A partition
    /// that does not answer counts as empty.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is changed.
    async fn written_since(
        &self,
        topic: &TopicState,
        since: UnixMillis,
    ) -> Result<Vec<u64>, TransportError>;

    /// The next offset that `group` has to process of each partition of `topic`, where
    /// it has committed one.
    ///
    /// # Errors
    ///
    /// When no broker answers within the transport's start-up bound.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is changed.
    async fn committed(
        &self,
        group: &str,
        topic: &TopicState,
    ) -> Result<Vec<Option<i64>>, TransportError>;

    /// The offsets that each partition of `topic` holds: from its oldest record's to the
    /// one its next record gets. On Kafka markers of transactions take offsets, too.
    ///
    /// # Errors
    ///
    /// When no broker answers within the transport's start-up bound.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is changed.
    async fn held(&self, topic: &TopicState) -> Result<Vec<Range<i64>>, TransportError>;

    /// Creates topics; one that exists already is left as it is.
    ///
    /// # Errors
    ///
    /// When a topic cannot be created; the message names all that could not.
    ///
    /// # Cancel safety
    ///
    /// Topics may or may not exist afterwards.
    async fn create_topics(&self, topics: &[TopicSpec]) -> Result<(), TransportError>;

    /// Compares the cluster with what is needed of it.
    ///
    /// # Errors
    ///
    /// One error that lists every topic that is missing or has another size, the
    /// permissions that are missing as far as they show, and what mends it; or
    /// that of [`topics`](Transport::topics).
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is changed.
    async fn check(&self, plan: &TopologyPlan) -> Result<(), TransportError> {
        let states = self.topics(&plan.topic_names()).await?;
        let found: BTreeMap<Arc<str>, Found> = states
            .into_iter()
            .flatten()
            .map(|state| {
                let partitions = state.partitions;
                let cleanup = None;
                (
                    state.name,
                    Found::Topic {
                        partitions,
                        cleanup,
                    },
                )
            })
            .collect();
        plan.shortfall(&found).into_result()
    }

    /// Waits until everything handed to [`send`](Transport::send) is settled.
    ///
    /// # Errors
    ///
    /// When `within` passes first; says how many records are unsettled.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is lost by waiting less.
    async fn flush(&self, within: std::time::Duration) -> Result<(), TransportError>;
}
