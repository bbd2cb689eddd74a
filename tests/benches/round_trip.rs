//! One call at a time over a real Kafka: the framework against the same round
//! trip by hand, interleaved.
//!
//! Run with: `IPC_TEST_BOOTSTRAP=host:port cargo bench -p ipc-tests`, the address
//! being that of an idle broker (`cargo xtask kafka` starts one). What to see: a
//! line per round with both medians, and the ratio of the framework's median to
//! the floor's over all rounds.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use harness::{Stage, Topic};
use http::StatusCode;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Header, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};

const ROUNDS: usize = 7;
const CALLS: usize = 400;
const WARM_UP: usize = 200;
const BODY: [u8; 256] = [b'x'; 256];

fn main() -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let floor = Floor::start().await?;
        let stage = Stage::new("bench");
        let app = Router::new().route("/echo", post(|body: Bytes| async { body }));
        let service = stage.service(1).serve(app).start().await?;
        let client = stage.client().await?;
        let call = async || {
            let (status, body) = harness::call(&client, stage.post("/echo", BODY.to_vec())).await?;
            anyhow::ensure!(status == StatusCode::OK && *body == BODY, "{status}");
            Ok(())
        };
        for _ in 0..WARM_UP {
            call().await?;
            floor.call()?;
        }
        let (mut floors, mut frameworks) = (Vec::new(), Vec::new());
        for round in 1..=ROUNDS {
            let mut by_hand = Vec::with_capacity(CALLS);
            for _ in 0..CALLS {
                let begun = Instant::now();
                floor.call()?;
                by_hand.push(begun.elapsed());
            }
            let mut framework = Vec::with_capacity(CALLS);
            for _ in 0..CALLS {
                let begun = Instant::now();
                call().await?;
                framework.push(begun.elapsed());
            }
            let (by_hand, framework) = (median(by_hand), median(framework));
            println!("round {round}: by hand {by_hand:?}, framework {framework:?}");
            floors.push(by_hand);
            frameworks.push(framework);
        }
        let ratio = median(frameworks).as_secs_f64() / median(floors).as_secs_f64();
        println!("p50 of the framework over p50 by hand: {ratio:.2}");
        client.close().await;
        service.stop().await;
        floor.stop();
        Ok(())
    })
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// The round trip without any framework: our headers, idempotence and acks.
struct Floor {
    producer: ThreadedProducer<DefaultProducerContext>,
    requests: String,
    replies: mpsc::Receiver<()>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Floor {
    async fn start() -> Result<Self> {
        let requests = Topic::create(&harness::bootstrap(), "floor-requests", 1).await?;
        let replies = Topic::create(&harness::bootstrap(), "floor-replies", 1).await?;
        let stop = Arc::new(AtomicBool::new(false));
        let (answered, answers) = mpsc::channel();
        let server = {
            let (producer, to) = (producer()?, replies.name().to_owned());
            reader(requests.name(), &stop, move |body| {
                send(&producer, &to, body, REPLY_HEADERS)
            })?
        };
        let listener = reader(replies.name(), &stop, move |_| {
            // The main thread may have ended.
            let _ = answered.send(());
        })?;
        Ok(Self {
            producer: producer()?,
            requests: requests.name().to_owned(),
            replies: answers,
            stop,
            threads: vec![server, listener],
        })
    }

    fn call(&self) -> Result<()> {
        send(&self.producer, &self.requests, &BODY, REQUEST_HEADERS);
        self.replies
            .recv_timeout(Duration::from_secs(5))
            .context("the floor's reply did not come")
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            // A panic in it has been printed.
            let _ = thread.join();
        }
    }
}

const REQUEST_HEADERS: &[(&str, &[u8])] = &[
    ("content-type", b"application/octet-stream"),
    ("kafka_correlationId", &[7; 16]),
    ("kafka_replyTopic", b"floor.replies"),
    ("kafka_replyPartition", &[0; 4]),
    (":method", b"POST"),
    (":path", b"/echo"),
    ("ipc-deadline", b"1795250804432"),
    ("ipc-budget", b"30000"),
    ("ipc-caller", b"fleet/0123456789abcdef0123456789abcdef"),
];

const REPLY_HEADERS: &[(&str, &[u8])] = &[
    ("content-type", b"application/octet-stream"),
    ("kafka_correlationId", &[7; 16]),
    ("ipc-caller", b"fleet/0123456789abcdef0123456789abcdef"),
    (":status", b"200"),
    ("content-length", b"256"),
];

fn config() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", harness::bootstrap());
    config
}

fn producer() -> Result<ThreadedProducer<DefaultProducerContext>> {
    let mut config = config();
    config
        .set("linger.ms", "0")
        .set("enable.idempotence", "true")
        .set("acks", "all");
    Ok(config.create()?)
}

fn send(
    producer: &ThreadedProducer<DefaultProducerContext>,
    topic: &str,
    body: &[u8],
    headers: &[(&str, &[u8])],
) {
    let headers = headers
        .iter()
        .fold(OwnedHeaders::new(), |all, (key, value)| {
            all.insert(Header {
                key,
                value: Some(*value),
            })
        });
    let record = BaseRecord::<(), [u8]>::to(topic)
        .partition(0)
        .payload(body)
        .headers(headers);
    producer
        .send(record)
        .map_err(|(error, _)| error)
        .expect("there is room for one record");
}

fn reader(
    topic: &str,
    stop: &Arc<AtomicBool>,
    mut take: impl FnMut(&[u8]) + Send + 'static,
) -> Result<JoinHandle<()>> {
    let mut config = config();
    config
        .set("group.id", "floor")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "100");
    let consumer: BaseConsumer = config.create()?;
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(topic, 0, Offset::Beginning)?;
    consumer.assign(&place)?;
    let stop = Arc::clone(stop);
    Ok(thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
                take(message.payload().unwrap_or_default());
            }
        }
    }))
}
