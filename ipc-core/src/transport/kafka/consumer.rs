//! Reading: one owner thread per consumer.

use std::collections::HashSet;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::RwLock;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::sync::{oneshot, watch};

use super::config::{KafkaConfig, Role};
use super::context::{Events, commit, refused};
use super::convert;
use crate::transport::{
    Consumer, ConsumerControl, Event, Inlet, Start, Subscription, TopicPartition, TransportError,
};

/// Longest stay in one poll: how late a command may be obeyed.
const POLL: Duration = Duration::from_millis(100);
/// The same while something is paused, because resuming is urgent.
const POLL_PAUSED: Duration = Duration::from_millis(10);
/// Most records in one event.
const BATCH: usize = 512;

type Client = BaseConsumer<Events>;

pub(super) async fn subscribe(
    config: &KafkaConfig,
    subscription: Subscription,
    inlet: Box<dyn Inlet>,
) -> Result<Consumer, TransportError> {
    let mut client = config.client(Role::Group);
    client.set("group.id", &*subscription.group);
    let name = format!("ipc-{}", subscription.group);
    start(client, name, inlet, move |client| {
        let topics: Vec<&str> = subscription.topics.iter().map(|topic| &**topic).collect();
        client.subscribe(&topics).map_err(|error| {
            TransportError::other(format!("cannot subscribe to {topics:?}: {error}"))
        })
    })
    .await
}

pub(super) async fn read(
    config: &KafkaConfig,
    from: TopicPartition,
    start_at: Start,
    inlet: Box<dyn Inlet>,
) -> Result<Consumer, TransportError> {
    let mut client = config.client(Role::Reader);
    // Librdkafka refuses to assign without one; this group is never joined.
    client.set("group.id", format!("{}.reader", from.topic));
    let bound = config.startup_bound();
    let name = format!("ipc-{from}");
    start(client, name, inlet, move |client| {
        let (low, high) = client
            .fetch_watermarks(&from.topic, from.partition, bound)
            .map_err(|error| watermark_error(&from, &error))?;
        let offset = match start_at {
            Start::End => high,
            Start::Beginning => low,
        };
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&from.topic, from.partition, Offset::Offset(offset))
            .and_then(|()| client.assign(&list))
            .map_err(|error| TransportError::other(format!("cannot read {from}: {error}")))
    })
    .await
}

fn watermark_error(from: &TopicPartition, error: &rdkafka::error::KafkaError) -> TransportError {
    use rdkafka::error::RDKafkaErrorCode as Code;
    match error.rdkafka_error_code() {
        Some(Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition) => {
            TransportError::missing_topic(format!("partition {from} does not exist: create it"))
        }
        _ => TransportError::unreachable(format!("no offsets for {from}: {error}")),
    }
}

/// Makes the client on its owner thread, and answers once `begin` has run there.
async fn start(
    config: ClientConfig,
    name: String,
    inlet: Box<dyn Inlet>,
    begin: impl FnOnce(&Client) -> Result<(), TransportError> + Send + 'static,
) -> Result<Consumer, TransportError> {
    let (started, has_started) = oneshot::channel();
    let (commands, inbox) = mpsc::channel();
    let (ended, has_ended) = watch::channel(false);
    let shared = Arc::new(RwLock::new(None));
    let slot = Arc::clone(&shared);
    thread::Builder::new()
        .name(name)
        .spawn(move || {
            let made = config
                .create_with_context(Events::new(inlet))
                .map_err(|error| refused(&error))
                .and_then(|client: Client| begin(&client).map(|()| client));
            match made {
                Ok(client) => {
                    let client = Arc::new(client);
                    *slot.write() = Some(Arc::clone(&client));
                    let _ = started.send(Ok(()));
                    let paused = HashSet::new();
                    Owner {
                        client,
                        slot,
                        inbox,
                        paused,
                    }
                    .run();
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                }
            }
            ended.send_replace(true);
        })
        .map_err(|error| TransportError::other(format!("no thread for a consumer: {error}")))?;
    let control = Control {
        commands,
        client: shared,
        has_ended,
    };
    match has_started.await {
        Ok(Ok(())) => Ok(Consumer::new(Arc::new(control))),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(TransportError::other("the consumer's thread ended early")),
    }
}

enum Command {
    Pause(Vec<TopicPartition>),
    Resume(Vec<TopicPartition>),
    Close,
}

/// The thread that polls. Alone in making, closing and dropping the client.
struct Owner {
    client: Arc<Client>,
    slot: Arc<RwLock<Option<Arc<Client>>>>,
    inbox: mpsc::Receiver<Command>,
    paused: HashSet<TopicPartition>,
}

impl Owner {
    fn run(mut self) {
        // Topic names repeat from record to record; the last one is reused.
        let mut topic: Arc<str> = Arc::from("");
        while self.obey() {
            let wait = if self.paused.is_empty() {
                POLL
            } else {
                POLL_PAUSED
            };
            let mut batch = Vec::new();
            let mut next = self.client.poll(wait);
            while let Some(polled) = next {
                match polled {
                    Ok(message) => {
                        if *topic != *message.topic() {
                            topic = Arc::from(message.topic());
                        }
                        batch.push(convert::received(&message, Arc::clone(&topic)));
                    }
                    Err(error) => self.emit(Event::Troubled(error.to_string())),
                }
                if batch.len() >= BATCH {
                    break;
                }
                next = self.client.poll(Duration::ZERO);
            }
            if !batch.is_empty() {
                self.emit(Event::Records(batch));
            }
        }
        self.close();
    }

    /// False once the consumer is to close.
    fn obey(&mut self) -> bool {
        loop {
            match self.inbox.try_recv() {
                Ok(Command::Pause(partitions)) => {
                    self.steer(&partitions, |client, list| client.pause(list));
                    self.paused.extend(partitions);
                }
                Ok(Command::Resume(partitions)) => {
                    self.steer(&partitions, |client, list| client.resume(list));
                    for partition in &partitions {
                        self.paused.remove(partition);
                    }
                }
                Err(mpsc::TryRecvError::Empty) => return true,
                Ok(Command::Close) | Err(mpsc::TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn steer(
        &self,
        partitions: &[TopicPartition],
        act: impl FnOnce(&Client, &TopicPartitionList) -> rdkafka::error::KafkaResult<()>,
    ) {
        let list = list(partitions.iter());
        // A partition that is not assigned any more needs no steering.
        if let Err(error) = act(&self.client, &list) {
            tracing::debug!(target: "ipc::kafka", %error, "pause or resume");
        }
    }

    fn emit(&self, event: Event) {
        self.client.context().emit(event);
    }

    fn close(self) {
        // First take the client from the control, so that the last handle is ours.
        *self.slot.write() = None;
        commit(&self.client);
        let context = Arc::clone(self.client.context());
        drop(self.client);
        context.emit(Event::Closed);
    }
}

struct Control {
    commands: mpsc::Sender<Command>,
    client: Arc<RwLock<Option<Arc<Client>>>>,
    has_ended: watch::Receiver<bool>,
}

impl Control {
    fn tell(&self, command: Command) {
        // A consumer that has ended needs no command.
        let _ = self.commands.send(command);
    }
}

#[async_trait]
impl ConsumerControl for Control {
    fn pause(&self, partitions: Vec<TopicPartition>) {
        self.tell(Command::Pause(partitions));
    }

    fn resume(&self, partitions: Vec<TopicPartition>) {
        self.tell(Command::Resume(partitions));
    }

    fn store(&self, offsets: &[(TopicPartition, i64)]) {
        let client = self.client.read();
        let Some(client) = client.as_ref() else {
            return;
        };
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (partition, next) in offsets {
            let added = list.add_partition_offset(
                &partition.topic,
                partition.partition,
                Offset::Offset(*next),
            );
            debug_assert!(added.is_ok(), "an offset from the log is a valid offset");
        }
        if let Err(error) = client.store_offsets(&list) {
            tracing::debug!(target: "ipc::kafka", %error, "offsets not stored");
        }
    }

    async fn commit(&self, offsets: &[(TopicPartition, i64)]) -> Result<(), TransportError> {
        let list = offset_list(offsets);
        let client = Arc::clone(&self.client);
        let committed = tokio::task::spawn_blocking(move || {
            let client = client.read();
            let client = client
                .as_ref()
                .ok_or_else(|| TransportError::other("the consumer is closed"))?;
            client
                .commit(&list, CommitMode::Sync)
                .map_err(|error| TransportError::other(format!("offsets not committed: {error}")))
        });
        committed
            .await
            .unwrap_or_else(|_| Err(TransportError::other("the commit was interrupted")))
    }

    async fn close(&self, within: Duration) {
        self.tell(Command::Close);
        let mut has_ended = self.has_ended.clone();
        let ended = has_ended.wait_for(|ended| *ended);
        if tokio::time::timeout(within, ended).await.is_err() {
            tracing::warn!(target: "ipc::kafka", ?within, "consumer still closing");
        }
    }
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

fn list<'a>(partitions: impl Iterator<Item = &'a TopicPartition>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition(&partition.topic, partition.partition);
    }
    list
}
