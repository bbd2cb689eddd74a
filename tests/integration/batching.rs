//! Batches while there is much to send: what must keep its order moves between
//! producers, and nothing is lost, repeated or overtaken on the way.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use harness::{Log, PrivateBroker, Topic, bootstrap, within};
use ipc_core::{
    envelope::Envelope,
    transport::{
        Ack, ClientStats, Outgoing, Receipt, SendError, Transport,
        kafka::{KafkaConfig, KafkaTransport},
    },
};
use parking_lot::Mutex;
use tokio::{
    sync::watch,
    task::{JoinSet, unconstrained},
};

const PARTITIONS: i32 = 3;
const UNITS: usize = 8;

/// A topic and a transport that is seen to use more than one producer for it.
struct Sender {
    bootstrap: String,
    topic: Topic,
    transport: KafkaTransport,
    /// The clients that have written to the topic.
    writers: Arc<Mutex<BTreeSet<String>>>,
}

impl Sender {
    async fn connect(bootstrap: &str) -> Result<Self> {
        let topic = Topic::create(bootstrap, "batching", PARTITIONS).await?;
        let writers = Arc::new(Mutex::new(BTreeSet::new()));
        let (seen, name) = (Arc::clone(&writers), topic.name().to_owned());
        let sink = move |stats: &ClientStats| {
            let mut partitions = stats.partitions.iter();
            if partitions.any(|stats| *stats.partition.topic == *name) {
                seen.lock().insert(stats.client.clone());
            }
        };
        let config = KafkaConfig::new(bootstrap)
            .stats_sink(Arc::new(sink))
            .statistics_interval(Duration::from_millis(50));
        Ok(Self {
            bootstrap: bootstrap.to_owned(),
            transport: KafkaTransport::connect(config).await?,
            topic,
            writers,
        })
    }

    /// Sends record `number` of its unit: every third unit is a partition, the
    /// others are keys.
    fn send(&self, number: usize) -> Receipt {
        let unit = number % UNITS;
        let (ack, receipt) = Ack::pair();
        let record = Outgoing {
            topic: self.topic.name().into(),
            partition: unit.is_multiple_of(3).then_some(unit as i32 / 3),
            envelope: Envelope {
                key: Some(Bytes::from(format!("unit-{unit}"))),
                payload: Some(Bytes::from(number.to_string())),
                ..Envelope::default()
            },
        };
        self.transport.send(&record, ack);
        receipt
    }

    /// Sends the next `count` records, `at_once` of which are on their way; what
    /// became of each number.
    async fn run(
        &self,
        next: &mut usize,
        at_once: usize,
        count: usize,
    ) -> Result<Vec<(usize, Result<(), SendError>)>> {
        let mut outcomes = Vec::new();
        let mut open = FuturesUnordered::new();
        let end = *next + count;
        while *next < end || !open.is_empty() {
            if *next < end && open.len() < at_once {
                let (number, receipt) = (*next, self.send(*next));
                open.push(receipt.map(move |settled| (number, settled.map(drop))));
                *next += 1;
            } else {
                let settled = within("an acknowledgement", open.next()).await?;
                outcomes.push(settled.context("nothing is open")?);
            }
        }
        Ok(outcomes)
    }

    /// Sends much until several producers have written.
    async fn warm_up(&self, next: &mut usize) -> Result<()> {
        let warming = async {
            while self.writers.lock().len() < 2 {
                for (number, settled) in self.run(next, BUSY, 1000).await? {
                    settled.with_context(|| format!("record {number}"))?;
                }
            }
            Ok(())
        };
        within("a second producer", warming).await?
    }

    /// The numbers in the log, by unit, each in the order of its partition.
    async fn logged(&self) -> Result<BTreeMap<Vec<u8>, Vec<usize>>> {
        let mut logged: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for record in Log::of(&self.bootstrap)?.all(self.topic.name()).await? {
            let number = str::from_utf8(&record.payload)?.parse()?;
            let key = record.key.context("no key")?;
            logged.entry(key).or_default().push(number);
        }
        Ok(logged)
    }
}

/// How many records are on their way at once while there is little to send, and
/// while there is much.
const QUIET: usize = 1;
const BUSY: usize = 400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_holds_while_the_load_goes_up_and_down() -> Result<()> {
    let sender = Sender::connect(&bootstrap()).await?;
    let mut next = 0;
    sender.warm_up(&mut next).await?;
    for _ in 0..6 {
        for (at_once, count) in [(QUIET, 100), (BUSY, 4000), (BUSY / 8, 1000)] {
            for (number, settled) in sender.run(&mut next, at_once, count).await? {
                settled.with_context(|| format!("record {number}"))?;
            }
        }
    }
    let logged = sender.logged().await?;
    assert_eq!(logged.len(), UNITS);
    for (unit, numbers) in logged.values().enumerate() {
        let sent: Vec<usize> = (unit..next).step_by(UNITS).collect();
        assert_eq!(*numbers, sent, "unit {unit}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_holds_and_nothing_acknowledged_is_lost_when_the_broker_goes_between() -> Result<()> {
    let broker = PrivateBroker::start().await?;
    let sender = Arc::new(Sender::connect(broker.bootstrap()).await?);
    let mut first = 0;
    sender.warm_up(&mut first).await?;
    let (progress, mut seen) = watch::channel(first);
    let (stop, stopped) = watch::channel(false);
    let sending = Arc::clone(&sender);
    let load = JoinSet::from_iter([async move {
        let (mut next, mut outcomes) = (first, Vec::new());
        // A round is over when all of it is settled, so most of them switch twice.
        while !*stopped.borrow() {
            for (at_once, count) in [(BUSY, 1500), (QUIET, 60)] {
                outcomes.extend(sending.run(&mut next, at_once, count).await?);
                progress.send_replace(next);
            }
        }
        Ok::<_, anyhow::Error>((next, outcomes))
    }]);
    within("the load", seen.wait_for(|sent| *sent > first + 6000)).await??;
    broker.kill().await?;
    broker.start_again().await?;
    let so_far = *seen.borrow();
    within("the load", seen.wait_for(|sent| *sent > so_far + 6000)).await??;
    stop.send_replace(true);
    let (next, outcomes) = within("the end", load.join_all()).await?.remove(0)?;

    assert_eq!(outcomes.len(), next - first);
    let logged = sender.logged().await?;
    let present: BTreeSet<usize> = logged.values().flatten().copied().collect();
    for (number, settled) in outcomes {
        match settled {
            Ok(()) => ensure!(present.contains(&number), "record {number} was lost"),
            Err(error) if error.is_known_unsent() => {
                ensure!(!present.contains(&number), "record {number} was not unsent");
            }
            Err(_) => {}
        }
    }
    for (unit, numbers) in logged.values().enumerate() {
        ensure!(numbers.is_sorted(), "unit {unit} is out of order");
        ensure!(
            numbers.windows(2).all(|pair| pair[0] < pair[1]),
            "unit {unit} has a record twice"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_waits_for_what_is_held_as_well() -> Result<()> {
    let sender = Sender::connect(&bootstrap()).await?;
    let mut next = 0;
    sender.warm_up(&mut next).await?;
    for _ in 0..20 {
        let burst: Vec<Receipt> = (0..600)
            .map(|_| {
                next += 1;
                sender.send(next)
            })
            .collect();
        sender.transport.flush(Duration::from_secs(30)).await?;
        for receipt in burst {
            let settled = unconstrained(receipt).now_or_never();
            settled.context("not settled yet")??;
        }
        sender.run(&mut next, QUIET, 100).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_held_is_closed_with_the_transport() -> Result<()> {
    let broker = PrivateBroker::start().await?;
    let sender = Sender::connect(broker.bootstrap()).await?;
    let mut next = 0;
    sender.warm_up(&mut next).await?;
    sender.run(&mut next, QUIET, 300).await?;
    broker.kill().await?;
    let lost: Vec<Receipt> = (0..600).map(|number| sender.send(number)).collect();
    drop(sender);
    for receipt in lost {
        let settled = within("an end", receipt).await?;
        assert_eq!(settled, Err(SendError::Closed));
    }
    Ok(())
}
