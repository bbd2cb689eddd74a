//! What a client tells of itself at an interval, for whoever keeps gauges.

use std::time::Duration;

use super::TopicPartition;
use crate::metrics::ClientKind;

/// Receives the statistics of every client of a transport.
///
/// [`Metrics`](crate::metrics::Metrics) is one: it shows them as gauges.
///
/// Runs on a thread of the client: take the figures and return.
pub trait StatsSink: Send + Sync + 'static {
    /// Takes the state of one client. The next one replaces it.
    fn observe(&self, stats: &ClientStats);

    /// A client that was observed has closed: what it told is of the past.
    fn closed(&self, _client: &str) {}
}

impl<F: Fn(&ClientStats) + Send + Sync + 'static> StatsSink for F {
    fn observe(&self, stats: &ClientStats) {
        self(stats);
    }
}

/// The state of one client at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ClientStats {
    /// Which client: unique in the process, `<client id>#<kind>-<number>`.
    pub client: String,
    /// What it is for.
    pub kind: ClientKind,
    /// Records that wait to be sent or acknowledged.
    pub queued_records: u64,
    /// Their size in bytes.
    pub queued_bytes: u64,
    /// The brokers it knows.
    pub brokers: Vec<BrokerStats>,
    /// The partitions it reads or writes.
    pub partitions: Vec<PartitionStats>,
}

impl ClientStats {
    /// An idle client that knows no broker yet.
    #[must_use]
    pub fn new(client: impl Into<String>, kind: ClientKind) -> Self {
        Self {
            client: client.into(),
            kind,
            queued_records: 0,
            queued_bytes: 0,
            brokers: Vec::new(),
            partitions: Vec::new(),
        }
    }
}

/// A client's view of one broker.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct BrokerStats {
    /// The broker's address and id, as the client names it.
    pub name: String,
    /// The broker's id in its cluster.
    pub id: i32,
    /// Whether the connection stands.
    pub up: bool,
    /// Requests that wait to be sent.
    pub outbox: u64,
    /// Requests that wait for an answer.
    pub in_flight: u64,
    /// The time from request to answer; `None` when none was answered in the
    /// interval.
    pub round_trip: Option<RoundTrip>,
}

/// How long a broker took to answer, over one interval.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct RoundTrip {
    /// The average.
    pub average: Duration,
    /// Nine in ten were quicker.
    pub p90: Duration,
    /// All but one in a hundred were quicker.
    pub p99: Duration,
}

/// A client's view of one partition.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PartitionStats {
    /// Which partition.
    pub partition: TopicPartition,
    /// Records in the log that no offset is stored for yet; `None` where the
    /// client does not read the partition or does not know yet.
    pub lag: Option<u64>,
    /// Records fetched and not yet taken over.
    pub prefetched: u64,
    /// Their size in bytes.
    pub prefetched_bytes: u64,
    /// Records that wait to be sent to it.
    pub queued: u64,
}

impl PartitionStats {
    /// An idle partition.
    #[must_use]
    pub fn new(partition: TopicPartition) -> Self {
        Self {
            partition,
            lag: None,
            prefetched: 0,
            prefetched_bytes: 0,
            queued: 0,
        }
    }
}
