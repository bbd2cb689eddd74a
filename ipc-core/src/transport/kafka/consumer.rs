//! Reading: one owner thread per consumer.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use super::admin::AdminApi;
use super::config::{KafkaConfig, Role};
use super::context::{Events, commit, steer};
use super::convert;
use super::error::{named, refused};
use super::growth::Growth;
use super::hooks::Hooks;
use super::lent::{Client, Lent, Loan};
use super::transactions::Transactor;
use crate::envelope::UnixMillis;
use crate::metrics::ClientKind;
use crate::transport::{
    Consumer, ConsumerControl, Event, Inlet, Note, Start, Subscription, TopicPartition,
    Transactions, TransportError,
};

/// Longest stay in one poll: how late a command may be obeyed.
const POLL: Duration = Duration::from_millis(100);
/// The same while something is paused, because resuming is urgent.
const POLL_PAUSED: Duration = Duration::from_millis(10);
/// Most records between two looks at the commands.
const BATCH: usize = 512;
/// How often an inlet that is behind is looked at. It has more than that to do.
const BEHIND: Duration = Duration::from_millis(1);

/// What more clients are made of. None of them makes topics: whoever does is not held on
/// to.
fn of_a_client(config: &KafkaConfig, hooks: &Hooks) -> (KafkaConfig, Hooks) {
    let config = config.clone().create_topics_with(Arc::new(AdminApi));
    (config, hooks.clone())
}

pub(super) async fn subscribe(
    config: &KafkaConfig,
    hooks: Hooks,
    subscription: Subscription,
    growth: Growth,
    inlet: Box<dyn Inlet>,
) -> Result<Consumer, TransportError> {
    for topic in &subscription.topics {
        named(topic)?;
    }
    let mut client = config.client(Role::Group);
    client.set("group.id", &*subscription.group);
    let (assigned, was_assigned) = tokio::sync::mpsc::channel(1);
    let mut tasks = JoinSet::new();
    tasks.spawn(growth.watch(was_assigned));
    let from = of_a_client(config, &hooks);
    let events = Events::new(hooks, ClientKind::Group, inlet).saying(assigned);
    start(client, from, events, tasks, move |client| {
        let topics: Vec<&str> = subscription.topics.iter().map(|topic| &**topic).collect();
        client.subscribe(&topics).map_err(|error| {
            TransportError::other(format!("cannot subscribe to {topics:?}: {error}"))
        })
    })
    .await
}

pub(super) async fn read(
    config: &KafkaConfig,
    hooks: Hooks,
    from: TopicPartition,
    start_at: Start,
    inlet: Box<dyn Inlet>,
) -> Result<Consumer, TransportError> {
    named(&from.topic)?;
    let mut client = config.client(Role::Reader);
    // Librdkafka refuses to assign without one; this group is never joined.
    client.set("group.id", format!("{}.reader", from.topic));
    if inlet.looks_for_end() {
        client.set("enable.partition.eof", "true");
    }
    let bound = config.startup_bound();
    let made_of = of_a_client(config, &hooks);
    let events = Events::new(hooks, ClientKind::Reader, inlet);
    start(client, made_of, events, JoinSet::new(), move |client| {
        // A token, where one is needed, is taken from the poll loop only.
        client.poll(Duration::ZERO);
        let (low, high) = watermarks(client, &from, bound)?;
        let offset = match start_at {
            Start::End => high,
            Start::Beginning => low,
            Start::Since(at) => first_since(client, &from, at, bound)?.unwrap_or(high),
            Start::At(offset) if (low..=high).contains(&offset) => offset,
            Start::At(_) => low,
        };
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&from.topic, from.partition, Offset::Offset(offset))
            .and_then(|()| client.assign(&list))
            .map_err(|error| TransportError::other(format!("cannot read {from}: {error}")))?;
        client.context().own([from]);
        Ok(())
    })
    .await
}

/// Where the partition begins and ends. A leader just elected, as that of a new
/// topic is, says for a moment that it is none.
fn watermarks(
    client: &Client,
    of: &TopicPartition,
    bound: Duration,
) -> Result<(i64, i64), TransportError> {
    use rdkafka::error::RDKafkaErrorCode as Code;
    let until = Instant::now() + bound;
    loop {
        let error = match client.fetch_watermarks(&of.topic, of.partition, bound) {
            Ok(watermarks) => return Ok(watermarks),
            Err(error) => error,
        };
        let passes = matches!(
            error.rdkafka_error_code(),
            Some(Code::NotLeaderForPartition | Code::LeaderNotAvailable)
        );
        if !passes || Instant::now() >= until {
            return Err(watermark_error(of, &error));
        }
        // Nothing is assigned yet, so this only waits.
        client.poll(POLL_PAUSED);
    }
}

/// The first record as young as this, where there is one.
fn first_since(
    client: &Client,
    of: &TopicPartition,
    since: UnixMillis,
    bound: Duration,
) -> Result<Option<i64>, TransportError> {
    // Where offsets are asked for by time, a time stands in an offset's place.
    let since = Offset::Offset(i64::try_from(since.0).unwrap_or(i64::MAX));
    let mut list = TopicPartitionList::new();
    let found = list
        .add_partition_offset(&of.topic, of.partition, since)
        .and_then(|()| client.offsets_for_times(list, bound))
        .map_err(|error| watermark_error(of, &error))?;
    let first = found.elements().first().map(|element| element.offset());
    Ok(match first {
        Some(Offset::Offset(first)) => Some(first),
        _ => None,
    })
}

fn watermark_error(from: &TopicPartition, error: &KafkaError) -> TransportError {
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
    from: (KafkaConfig, Hooks),
    events: Events,
    tasks: JoinSet<()>,
    begin: impl FnOnce(&Client) -> Result<(), TransportError> + Send + 'static,
) -> Result<Consumer, TransportError> {
    let (started, has_started) = oneshot::channel();
    let (commands, inbox) = mpsc::channel();
    let (ended, has_ended) = watch::channel(false);
    let lent = Arc::new(Lent::default());
    let loan = Loan::of(Arc::clone(&lent));
    thread::Builder::new()
        .name("ipc-kafka-read".to_owned())
        .spawn(move || {
            let made = config
                .create_with_context(events)
                .map_err(|error| refused(&error))
                .and_then(|client: Client| begin(&client).map(|()| client));
            match made {
                Ok(client) => {
                    let client = Arc::new(client);
                    loan.begin(&client);
                    let _ = started.send(Ok(()));
                    Owner {
                        client,
                        loan,
                        inbox,
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
        lent,
        has_ended,
        from,
        _tasks: tasks,
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
    loan: Loan,
    client: Arc<Client>,
    inbox: mpsc::Receiver<Command>,
}

impl Owner {
    fn run(self) {
        // Topic names repeat from record to record; the last one is reused.
        let mut topic: Arc<str> = Arc::from("");
        while self.obey() && self.fetch(&mut topic) {}
        self.close();
    }

    /// Takes over what has arrived, up to a bound. False once the client cannot
    /// go on.
    fn fetch(&self, topic: &mut Arc<str>) -> bool {
        let events = self.client.context();
        let mut wait = if events.pauses() { POLL_PAUSED } else { POLL };
        for _ in 0..BATCH {
            let Some(polled) = self.client.poll(wait) else {
                break;
            };
            match polled {
                Ok(message) => {
                    if **topic != *message.topic() {
                        *topic = Arc::from(message.topic());
                    }
                    events.gather(convert::received(&message, Arc::clone(topic)));
                }
                Err(KafkaError::MessageConsumptionFatal(code)) => {
                    tracing::error!(target: "ipc::kafka", %code, "the consumer cannot go on");
                    return false;
                }
                Err(KafkaError::PartitionEOF(_)) => events.at_end(),
                // Told by the error callback, with more detail.
                Err(_) => {}
            }
            wait = Duration::ZERO;
        }
        events.flush();
        events.turned();
        true
    }

    /// Waits while the inlet is behind: a pause that the records it has may lead to
    /// must come before the next ones. False once the consumer is to close.
    fn obey(&self) -> bool {
        let events = self.client.context();
        loop {
            // Asked first: the pause of one that has caught up is in the inbox.
            let wait = if events.is_behind() {
                BEHIND
            } else {
                Duration::ZERO
            };
            match self.inbox.recv_timeout(wait) {
                Ok(Command::Pause(partitions)) => {
                    steer(&self.client, &events.to_pause(partitions), Client::pause);
                }
                Ok(Command::Resume(partitions)) => {
                    steer(&self.client, &events.to_resume(partitions), Client::resume);
                }
                Err(mpsc::RecvTimeoutError::Timeout) if wait.is_zero() => return true,
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Ok(Command::Close) | Err(mpsc::RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    fn close(self) {
        drop(self.loan);
        commit(&self.client);
        let events = Arc::clone(self.client.context());
        drop(self.client);
        events.emit(Event::Closed);
    }
}

struct Control {
    commands: mpsc::Sender<Command>,
    lent: Arc<Lent>,
    has_ended: watch::Receiver<bool>,
    /// What another client of the same cluster is made of.
    from: (KafkaConfig, Hooks),
    // They end with the consumer.
    _tasks: JoinSet<()>,
}

impl Control {
    fn tell(&self, command: Command) {
        // A consumer that has ended needs no command.
        let _ = self.commands.send(command);
    }

    /// Has a question answered that may take a while. The client is not dropped before.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Lent) -> Result<T, TransportError> + Send + 'static,
    ) -> Result<T, TransportError> {
        let lent = Arc::clone(&self.lent);
        let answered = tokio::task::spawn_blocking(move || question(&lent));
        answered
            .await
            .unwrap_or_else(|_| Err(TransportError::other("the commit was interrupted")))
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
        self.lent.store(offsets);
    }

    async fn commit(&self, offsets: &[(TopicPartition, i64)]) -> Result<(), TransportError> {
        let offsets = offsets.to_vec();
        self.ask(move |lent| lent.commit(&offsets)).await
    }

    async fn commit_noted(&self, notes: &[Note]) -> Result<(), TransportError> {
        let notes = notes.to_vec();
        self.ask(move |lent| lent.commit_noted(&notes)).await
    }

    async fn notes(&self, partitions: &[TopicPartition]) -> Result<Vec<String>, TransportError> {
        let partitions = partitions.to_vec();
        self.ask(move |lent| lent.notes(&partitions)).await
    }

    async fn transactions(&self, id: &str) -> Result<Arc<dyn Transactions>, TransportError> {
        let (config, hooks) = &self.from;
        let lent = Arc::clone(&self.lent);
        let transactor = Transactor::start(config.clone(), hooks.clone(), lent, id).await?;
        Ok(Arc::new(transactor))
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
