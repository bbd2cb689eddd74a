//! One instance among those that agree where routes stand.
//!
//! Every instance reads all of a compacted topic of one partition, and goes where it
//! says. The one that holds this partition in the consumer group of its fleet decides,
//! and writes what it decided; it moves itself when it reads that. Two that decide at
//! the same time, because one does not know yet that it lost the partition, write two
//! records of one generation, of which every instance heeds the first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ipc_core::transport::{
    Consumer, Event, Outgoing, Start, Subscription, TopicPartition, TopicSpec, Transport,
    TransportError,
};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::backlog::Reach;
use super::board::Board;
use super::follower::Follower;
use super::record::Record;
use super::route::MovingRoute;
use super::webhook::{Teller, Webhook};

/// How often an instance tells what it has counted, and the one that decides decides.
const EVERY: Duration = Duration::from_secs(1);
/// How long a step back waits to be told what it leaves behind.
const COUNTING: Duration = Duration::from_secs(2);
/// How long the last words of an instance may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The topic that instances agree through, without a prefix.
pub(super) const TOPIC: &str = "ipc.migration";

/// One instance among those that agree.
pub(crate) struct Member {
    transport: Arc<dyn Transport>,
    place: TopicPartition,
    fleet: String,
    instance: String,
    /// Taken by the reader's thread for a record, and by the task once a second.
    board: Arc<Mutex<Board>>,
    caught_up: Arc<Notify>,
    decides: Arc<AtomicBool>,
    teller: Option<Teller>,
    #[expect(dead_code, reason = "ends the reading when it is dropped")]
    reader: Consumer,
    group: Consumer,
}

impl Member {
    /// Reads where the routes of `fleet` stand, and takes part in deciding, and in telling
    /// the webhook.
    ///
    /// # Errors
    ///
    /// When the topic does not exist and may not be made, or no broker answers.
    ///
    /// # Cancel safety
    ///
    /// What was begun ends.
    pub(crate) async fn join(
        transport: Arc<dyn Transport>,
        fleet: &str,
        instance: &str,
        routes: &[Arc<MovingRoute>],
        webhook: Option<&Webhook>,
        may_create: bool,
    ) -> Result<Self, TransportError> {
        let teller = webhook.cloned().map(Teller::new).transpose();
        let teller = teller.map_err(|error| {
            TransportError::configuration(format!("the webhook cannot be told: {error}"))
        })?;
        let topic = topic(&*transport);
        exists(&*transport, &topic, may_create).await?;
        let place = TopicPartition {
            topic: Arc::clone(&topic),
            partition: 0,
        };
        let follower = Follower {
            fleet: fleet.to_owned(),
            board: Arc::new(Mutex::new(Board::new(
                routes,
                webhook.is_some(),
                Instant::now(),
            ))),
            caught_up: Arc::default(),
        };
        let (board, caught_up) = (Arc::clone(&follower.board), Arc::clone(&follower.caught_up));
        let reader = transport.read(place.clone(), Start::Beginning, Box::new(follower));
        let reader = reader.await?;
        let subscription = Subscription {
            group: format!("ipc-migration.{fleet}").into(),
            topics: vec![topic],
        };
        let decides = Arc::new(AtomicBool::new(false));
        let held = Arc::clone(&decides);
        let group = transport
            .subscribe(subscription, Box::new(move |event| hold(event, &held)))
            .await?;
        Ok(Self {
            board,
            caught_up,
            transport,
            place,
            fleet: fleet.to_owned(),
            instance: instance.to_owned(),
            decides,
            teller,
            reader,
            group,
        })
    }

    /// Takes part until `stop`. `caught_up` is told once everything is read.
    pub(crate) async fn run(self, stop: CancellationToken, caught_up: impl FnOnce()) {
        let taking_part = async {
            self.caught_up.notified().await;
            caught_up();
            tokio::join!(self.decide(), self.tell());
        };
        stop.run_until_cancelled(taking_part).await;
        let farewell = Record::Counts {
            instance: self.instance.clone(),
            told: None,
        };
        // Who hears no last words forgets this instance all the same, once it counts
        // no more.
        let _ = tokio::time::timeout(LAST_WORDS, self.write(&farewell)).await;
        self.group.close(LAST_WORDS).await;
    }

    async fn decide(&self) {
        let mut turns = turns();
        loop {
            turns.tick().await;
            self.turn().await;
        }
    }

    async fn turn(&self) {
        let told = Record::Counts {
            instance: self.instance.clone(),
            told: Some(self.board.lock().tell()),
        };
        self.write(&told).await;
        if !self.decides.load(Ordering::Acquire) {
            return;
        }
        // The partition is held, not read: the follower does that.
        self.group.pause(vec![self.place.clone()]);
        let at = self.transport.now().0;
        let decided = self.board.lock().decide(Instant::now(), at);
        for (route, mut decided) in decided {
            if let Some(backlog) = &mut decided.position.backlog
                && backlog.records.is_none()
            {
                backlog.records = self.left_to(&backlog.service).await;
            }
            let route = route.to_string();
            self.write(&Record::Position { route, decided }).await;
        }
    }

    /// How many requests a service has yet to process; nothing is held up for long by
    /// asking.
    async fn left_to(&self, service: &str) -> Option<u64> {
        let counting = async {
            let reach = Reach::now(&*self.transport, service).await?;
            reach.left(&*self.transport).await
        };
        match tokio::time::timeout(COUNTING, counting).await {
            Ok(Ok(left)) => Some(left),
            Ok(Err(error)) => {
                tracing::warn!(service, %error, "it is not known what is left to a service");
                None
            }
            Err(_) => None,
        }
    }

    /// Tells the webhook of the steps that it was not told of, while this is the
    /// instance that decides.
    async fn tell(&self) {
        let Some(teller) = &self.teller else { return };
        let mut turns = turns();
        loop {
            turns.tick().await;
            let untold = self.board.lock().untold();
            for (route, step) in untold {
                if !self.decides.load(Ordering::Acquire) {
                    break;
                }
                teller.tell(&self.fleet, &route, &step).await;
                let generation = step.position.generation;
                self.board.lock().reported(&route, generation);
                let route = route.to_string();
                self.write(&Record::Reported { route, generation }).await;
            }
        }
    }

    async fn write(&self, record: &Record) {
        let outgoing = Outgoing {
            topic: Arc::clone(&self.place.topic),
            partition: Some(self.place.partition),
            envelope: record.to_envelope(&self.fleet),
        };
        if let Err(error) = self.transport.append(&outgoing).await {
            tracing::warn!(%error, "other instances are not told of the migration");
        }
    }
}

fn turns() -> Interval {
    let mut turns = interval(EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    turns
}

/// The topic that instances agree through.
pub(super) fn topic(transport: &dyn Transport) -> Arc<str> {
    format!("{}{TOPIC}", transport.topic_names().prefix()).into()
}

async fn exists(
    transport: &dyn Transport,
    topic: &Arc<str>,
    may_create: bool,
) -> Result<(), TransportError> {
    let found = transport.topics(std::slice::from_ref(topic)).await?;
    if found.iter().any(Option::is_some) {
        return Ok(());
    }
    if !may_create {
        return Err(TransportError::missing_topic(format!(
            "routes move, and topic {topic}, through which gateways agree where they stand, does \
             not exist: kafka-topics.sh --create --topic {topic} --partitions 1 --config \
             cleanup.policy=compact"
        )));
    }
    let mut spec = TopicSpec::new(Arc::clone(topic), 1);
    let settings = [("cleanup.policy", "compact")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    spec.settings.extend(settings);
    transport.create_topics(&[spec]).await
}

/// Notes whether the partition is held.
fn hold(event: Event, decides: &AtomicBool) {
    match event {
        // Said of what is new: who keeps the partition is told of none.
        Event::Assigned(partitions) if partitions.is_empty() => {}
        Event::Assigned(_) => decides.store(true, Ordering::Release),
        Event::Revoked(taken) if taken.partitions.is_empty() => {}
        Event::Revoked(_) | Event::Closed => decides.store(false, Ordering::Release),
        Event::Records(_) | Event::Troubled(_) => {}
    }
}
