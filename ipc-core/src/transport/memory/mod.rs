//! A deterministic model of Kafka, for tests: topics with partitions and offsets,
//! groups with generations, rebalances that wait for revocations, commits.
//!
//! One [`MemoryCluster`] stands for the brokers; each [`MemoryTransport`] for one
//! process. Time is tokio's, so `tokio::time::pause` governs it; with one seed, on
//! a current-thread runtime, a test runs the same way every time.
//!
//! ```
//! use std::sync::Arc;
//!
//! use ipc_core::transport::memory::MemoryCluster;
//! use ipc_core::transport::{Ack, Outgoing, TopicSpec, Transport};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cluster = MemoryCluster::new(7);
//! let transport = cluster.transport();
//! transport.create_topics(&[TopicSpec::new("orders.requests", 12)]).await?;
//!
//! let (ack, receipt) = Ack::pair();
//! let record = Outgoing {
//!     topic: Arc::from("orders.requests"),
//!     partition: Some(3),
//!     envelope: Default::default(),
//! };
//! transport.send(&record, ack);
//! assert_eq!(receipt.await?.partition, 3);
//! # Ok(())
//! # }
//! ```

mod assignor;
mod broker;
mod clock;
mod consumer;
mod faults;
mod group;
mod log;
mod partitioner;
mod session;
mod topic;
mod topics;
mod transactions;

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

pub use broker::SESSION_TIMEOUT;
pub use consumer::REVOKE_BOUND;
pub use faults::{Commit, Faults, Fetch, Produce, Transact};
pub use session::COMMIT_INTERVAL;

use super::{
    Ack, Consumer, Inlet, Outgoing, SendError, Start, Subscription, TopicPartition, TopicSpec,
    TopicState, TopologyPlan, Transport, TransportError,
};
use crate::envelope::UnixMillis;
use broker::{Broker, ProcessId};
use clock::Clock;
use topics::Topics;

type Shared = Arc<Mutex<Broker>>;

/// The earliest point in time a cluster's clock may start at: 2020-01-01.
const EARLIEST_EPOCH: u64 = 1_577_836_800_000;
/// The epochs of different seeds lie within a year.
const EPOCH_SPREAD: u64 = 365 * 24 * 60 * 60 * 1000;

/// The brokers: what all transports of a test share. Clones are the same cluster.
#[derive(Clone)]
pub struct MemoryCluster {
    broker: Shared,
    clock: Clock,
}

impl MemoryCluster {
    /// An empty cluster. The seed decides where records without a key go and what
    /// time it is. Call it inside the runtime whose clock it is to follow.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let epoch = UnixMillis(EARLIEST_EPOCH + random.u64(0..EPOCH_SPREAD));
        Self::with_clock(random, epoch)
    }

    /// The same with a clock that shows `epoch` now, for code that compares record
    /// timestamps with a clock of its own.
    #[must_use]
    pub fn starting_at(seed: u64, epoch: UnixMillis) -> Self {
        Self::with_clock(fastrand::Rng::with_seed(seed), epoch)
    }

    fn with_clock(random: fastrand::Rng, epoch: UnixMillis) -> Self {
        let clock = Clock::starting_at(epoch);
        let topics = Topics::new(clock, random);
        Self {
            broker: Arc::new(Mutex::new(Broker::new(topics))),
            clock,
        }
    }

    /// Lets `faults` decide what goes wrong from now on.
    pub fn set_faults(&self, faults: impl Faults + 'static) {
        self.broker.lock().set_faults(Box::new(faults));
    }

    /// A connection to the cluster, as a process of its own has it.
    #[must_use]
    pub fn transport(&self) -> MemoryTransport {
        MemoryTransport {
            broker: Arc::clone(&self.broker),
            process: self.broker.lock().new_process(),
            clock: self.clock,
            killed: AtomicBool::new(false),
            late: TaskTracker::new(),
        }
    }

    /// The time by the cluster's clock.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    /// The group's coordinator has forgotten it: what it had committed, and who its
    /// members are. They lose what they read, and get it again, from the oldest record
    /// on.
    pub fn reset(&self, group: &str) {
        self.broker.lock().reset(group);
    }

    /// Records of the topics that a group's members read which it has not committed to
    /// have finished.
    #[must_use]
    pub fn lag(&self, group: &str) -> u64 {
        self.broker.lock().lag(group)
    }

    /// Commits for a group that would fence nobody, whoever asks.
    pub(crate) fn commit_unfenced(&self, group: &str, offsets: &[(TopicPartition, i64)]) {
        self.broker.lock().commit_unfenced(group, offsets);
    }

    /// The offset a group has committed for a partition.
    #[must_use]
    pub fn committed(&self, group: &str, partition: &TopicPartition) -> Option<i64> {
        self.broker.lock().committed(group, partition)
    }
}

impl std::fmt::Debug for MemoryCluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryCluster").finish_non_exhaustive()
    }
}

/// One process's connection to a [`MemoryCluster`].
pub struct MemoryTransport {
    broker: Shared,
    clock: Clock,
    process: ProcessId,
    killed: AtomicBool,
    /// Acknowledgements that a fault holds back.
    late: TaskTracker,
}

impl MemoryTransport {
    /// The process dies: its consumers report nothing any more and do not leave
    /// their groups, which wait for [`SESSION_TIMEOUT`]; nothing it stored since
    /// the last commit is committed; everything it is asked fails.
    pub fn kill(&self) {
        self.killed.store(true, Ordering::Relaxed);
        self.broker.lock().kill(self.process);
    }

    /// The group takes the process for dead, which goes on working: its consumers are
    /// told nothing, read nothing any more, and what they store is not committed.
    pub fn expel(&self) {
        self.broker.lock().expel(self.process);
    }

    fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Relaxed)
    }

    fn alive(&self) -> Result<(), TransportError> {
        if self.is_killed() {
            let message = "the process of this in-memory transport was killed";
            return Err(TransportError::unreachable(message));
        }
        Ok(())
    }
}

#[async_trait]
impl Transport for MemoryTransport {
    fn send(&self, record: &Outgoing, ack: Ack) {
        if self.is_killed() {
            return ack.settle(Err(SendError::Closed));
        }
        let produced = self.broker.lock().produce(record);
        match produced.late {
            None => ack.settle(produced.result),
            Some(after) => {
                self.late.spawn(async move {
                    tokio::time::sleep(after).await;
                    ack.settle(produced.result);
                });
            }
        }
    }

    fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    async fn subscribe(
        &self,
        subscription: Subscription,
        inlet: Box<dyn Inlet>,
    ) -> Result<Consumer, TransportError> {
        self.alive()?;
        let signal = Arc::new(Notify::new());
        let mut broker = self.broker.lock();
        let id = broker.subscribe(self.process, subscription, Arc::clone(&signal));
        drop(broker);
        Ok(consumer::start(Arc::clone(&self.broker), id, signal, inlet))
    }

    async fn read(
        &self,
        from: TopicPartition,
        start: Start,
        inlet: Box<dyn Inlet>,
    ) -> Result<Consumer, TransportError> {
        self.alive()?;
        let signal = Arc::new(Notify::new());
        let mut broker = self.broker.lock();
        let id = broker.read(
            self.process,
            from,
            start,
            inlet.looks_for_end(),
            Arc::clone(&signal),
        )?;
        drop(broker);
        Ok(consumer::start(Arc::clone(&self.broker), id, signal, inlet))
    }

    async fn topics(&self, names: &[Arc<str>]) -> Result<Vec<Option<TopicState>>, TransportError> {
        self.alive()?;
        let broker = self.broker.lock();
        Ok(names
            .iter()
            .map(|name| broker.topics().state(name))
            .collect())
    }

    async fn written_since(
        &self,
        topic: &TopicState,
        since: UnixMillis,
    ) -> Result<Vec<u64>, TransportError> {
        self.alive()?;
        Ok(self.broker.lock().topics().written_since(topic, since))
    }

    async fn committed(
        &self,
        group: &str,
        topic: &TopicState,
    ) -> Result<Vec<Option<i64>>, TransportError> {
        self.alive()?;
        let broker = self.broker.lock();
        let of = |partition| {
            let topic = Arc::clone(&topic.name);
            broker.committed(group, &TopicPartition { topic, partition })
        };
        Ok((0..topic.partitions).map(of).collect())
    }

    async fn held(&self, topic: &TopicState) -> Result<Vec<Range<i64>>, TransportError> {
        self.alive()?;
        Ok(self.broker.lock().topics().held(topic))
    }

    async fn create_topics(&self, topics: &[TopicSpec]) -> Result<(), TransportError> {
        self.alive()?;
        self.broker.lock().create_topics(topics)
    }

    async fn check(&self, plan: &TopologyPlan) -> Result<(), TransportError> {
        self.alive()?;
        let broker = self.broker.lock();
        let names = plan.topic_names().into_iter();
        let found = names.map(|name| {
            let found = broker.topics().found(&name);
            (name, found)
        });
        plan.shortfall(&found.collect()).into_result()
    }

    /// Nothing is ever unsettled here: the log answers at once.
    async fn flush(&self, _within: Duration) -> Result<(), TransportError> {
        self.alive()
    }
}

impl std::fmt::Debug for MemoryTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryTransport").finish_non_exhaustive()
    }
}
