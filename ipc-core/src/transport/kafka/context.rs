//! What librdkafka tells a consumer's owner, in order: records and rebalances.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{ClientContext, Statistics, TopicPartitionList};

use super::holds::Holds;
use super::hooks::Hooks;
use super::report::Report;
use crate::metrics::ClientKind;
use crate::transport::{Event, Inlet, Received, Revocation, TopicPartition};

/// How long the group waits for dispatch to let revoked partitions go.
const REVOKE_BOUND: Duration = Duration::from_secs(15);

/// A consumer's way to its inlet. Used on the owner thread only.
pub(super) struct Events {
    hooks: Hooks,
    report: Report,
    /// Where it is said that an assignment has come; readers have none.
    assigned: Option<tokio::sync::mpsc::Sender<()>>,
    holds: Holds,
    outlet: Mutex<Outlet>,
}

struct Outlet {
    inlet: Box<dyn Inlet>,
    batch: Vec<Received>,
    owned: HashMap<TopicPartition, Flow>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Fetching,
    Paused,
}

impl Outlet {
    fn flush(&mut self) {
        if !self.batch.is_empty() {
            let records = std::mem::take(&mut self.batch);
            self.inlet.take(Event::Records(records));
        }
    }
}

impl Events {
    pub(super) fn new(hooks: Hooks, kind: ClientKind, inlet: Box<dyn Inlet>) -> Self {
        Self {
            report: hooks.report(kind),
            hooks,
            assigned: None,
            holds: Holds::default(),
            outlet: Mutex::new(Outlet {
                inlet,
                batch: Vec::new(),
                owned: HashMap::new(),
            }),
        }
    }

    /// Says on `assigned` when an assignment has come.
    pub(super) fn saying(self, assigned: tokio::sync::mpsc::Sender<()>) -> Self {
        Self {
            assigned: Some(assigned),
            ..self
        }
    }

    /// Adds a record to the next event.
    pub(super) fn gather(&self, record: Received) {
        self.outlet.lock().batch.push(record);
    }

    /// Sends on what was gathered.
    pub(super) fn flush(&self) {
        self.outlet.lock().flush();
    }

    /// Whether records that were sent on have not been looked at yet.
    pub(super) fn is_behind(&self) -> bool {
        self.outlet.lock().inlet.is_behind()
    }

    /// A partition is read to its end.
    pub(super) fn at_end(&self) {
        let mut outlet = self.outlet.lock();
        outlet.flush();
        outlet.inlet.at_end();
    }

    /// The poll loop has turned once more.
    pub(super) fn turned(&self) {
        self.outlet.lock().inlet.turned();
    }

    /// Sends an event, after the records that were read before it: a partition's
    /// records never follow its revocation.
    pub(super) fn emit(&self, event: Event) {
        let mut outlet = self.outlet.lock();
        outlet.flush();
        outlet.inlet.take(event);
    }

    /// Takes note of partitions that are ours from now on.
    pub(super) fn own(&self, partitions: impl IntoIterator<Item = TopicPartition>) {
        let mut outlet = self.outlet.lock();
        for partition in partitions {
            outlet.owned.entry(partition).or_insert(Flow::Fetching);
        }
    }

    /// Whether a partition is ours.
    pub(super) fn owns(&self, partition: &TopicPartition) -> bool {
        self.outlet.lock().owned.contains_key(partition)
    }

    /// Looks while all of these partitions are ours and the inlet knows it: none of
    /// them goes meanwhile. `None` where that is not so.
    pub(super) fn while_held<'p, T>(
        &self,
        mut partitions: impl Iterator<Item = &'p TopicPartition>,
        look: impl FnOnce() -> T,
    ) -> Option<T> {
        let outlet = self.outlet.lock();
        let ours = partitions.all(|partition| outlet.owned.contains_key(partition));
        (ours && !self.holds.any_overdue()).then(look)
    }

    /// Which of these partitions are to be paused: only what is ours, because
    /// librdkafka remembers a pause beyond the assignment.
    pub(super) fn to_pause(&self, partitions: Vec<TopicPartition>) -> Vec<TopicPartition> {
        self.turn(partitions, Flow::Fetching, Flow::Paused)
    }

    /// Which of these partitions are to be resumed.
    pub(super) fn to_resume(&self, partitions: Vec<TopicPartition>) -> Vec<TopicPartition> {
        self.turn(partitions, Flow::Paused, Flow::Fetching)
    }

    fn turn(
        &self,
        mut partitions: Vec<TopicPartition>,
        from: Flow,
        to: Flow,
    ) -> Vec<TopicPartition> {
        let mut outlet = self.outlet.lock();
        partitions.retain(|partition| match outlet.owned.get_mut(partition) {
            Some(flow) if *flow == from => {
                *flow = to;
                true
            }
            _ => false,
        });
        partitions
    }

    /// Whether anything is paused.
    pub(super) fn pauses(&self) -> bool {
        let outlet = self.outlet.lock();
        outlet.owned.values().any(|flow| *flow == Flow::Paused)
    }

    /// Gives dispatch the time to drain, then commits what it stored. The
    /// caller un-assigns right after.
    fn revoke(&self, consumer: &BaseConsumer<Self>, partitions: Vec<TopicPartition>) {
        if partitions.is_empty() {
            return;
        }
        let lost = consumer.assignment_lost();
        let hold = self.holds.new_hold();
        if lost {
            hold.is_due();
        }
        let held = hold.clone();
        let (release, released) = mpsc::channel::<()>();
        self.emit(Event::Revoked(Revocation::new(
            partitions.clone(),
            lost,
            move || {
                held.release();
                // Nobody waits any more once the bound has passed.
                let _ = release.send(());
            },
        )));
        // What is lost is another member's already: only rejoining helps.
        if !lost {
            if let Err(mpsc::RecvTimeoutError::Timeout) = released.recv_timeout(REVOKE_BOUND) {
                tracing::warn!(
                    target: "ipc::kafka",
                    bound = ?REVOKE_BOUND,
                    "revoked partitions were not drained in time; their unfinished records will be redelivered"
                );
            }
            hold.is_due();
            commit(consumer);
        }
        let paused = self.to_resume(partitions.clone());
        steer(consumer, &paused, BaseConsumer::resume);
        let mut outlet = self.outlet.lock();
        for partition in &partitions {
            outlet.owned.remove(partition);
        }
    }
}

/// Pauses or resumes.
pub(super) fn steer(
    consumer: &BaseConsumer<Events>,
    partitions: &[TopicPartition],
    act: impl FnOnce(&BaseConsumer<Events>, &TopicPartitionList) -> KafkaResult<()>,
) {
    if partitions.is_empty() {
        return;
    }
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition(&partition.topic, partition.partition);
    }
    if let Err(error) = act(consumer, &list) {
        tracing::warn!(target: "ipc::kafka", %error, ?partitions, "cannot pause or resume");
    }
}

impl ClientContext for Events {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.hooks.log(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        self.report.take(&statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        use rdkafka::error::RDKafkaErrorCode::PartitionEOF;
        if error.rdkafka_error_code() == Some(PartitionEOF) {
            return;
        }
        self.hooks.error(error, reason);
        self.emit(Event::Troubled(reason.to_owned()));
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.hooks.generate_oauth_token(config)
    }
}

impl ConsumerContext for Events {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(_) => {}
            Rebalance::Revoke(list) => self.revoke(consumer, partitions(list)),
            Rebalance::Error(error) => self.emit(Event::Troubled(error.to_string())),
        }
    }

    // Before that librdkafka refuses to store an offset of what it assigns.
    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        // An assignment of nothing is news as well: the group has been joined.
        let Rebalance::Assign(list) = rebalance else {
            return;
        };
        let partitions = partitions(list);
        self.own(partitions.iter().cloned());
        self.emit(Event::Assigned(partitions));
        if let Some(assigned) = &self.assigned {
            // Where there is no room, one that is not heard yet says the same.
            let _ = assigned.try_send(());
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(error) = result {
            report_commit(&error);
        }
    }
}

/// Commits stored offsets and waits for it.
pub(super) fn commit(consumer: &BaseConsumer<Events>) {
    if let Err(error) = consumer.commit_consumer_state(CommitMode::Sync) {
        report_commit(&error);
    }
}

fn report_commit(error: &KafkaError) {
    use rdkafka::error::RDKafkaErrorCode::NoOffset;
    // Having nothing to commit is fine.
    if error.rdkafka_error_code() != Some(NoOffset) {
        tracing::warn!(target: "ipc::kafka", %error, "offsets not committed; records may be redelivered");
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<TopicPartition> {
    list.elements()
        .iter()
        .map(|element| TopicPartition {
            topic: Arc::from(element.topic()),
            partition: element.partition(),
        })
        .collect()
}
