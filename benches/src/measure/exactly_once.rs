//! What exactly-once outputs cost: a backlog that a handler copies to another topic, and a
//! call, each beside the same at least once.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::post;
use futures_util::future::try_join_all;
use http::{Request, StatusCode};
use ipc_core::client::Client;
use ipc_core::dispatch::{Guarantee, Policy};
use ipc_core::envelope::{Envelope, Headers, names};
use ipc_core::extract::Outputs;
use ipc_core::service::Service;
use ipc_core::transport::kafka::{KafkaConfig, KafkaTransport};
use ipc_core::transport::{Outgoing, TopicSpec, Transport};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tokio::runtime::Runtime;
use tokio::task::spawn_blocking;
use tower::ServiceExt as _;

use crate::bench::Bench;
use crate::figure::{self, Figure, Unit};

const PARTITIONS: i32 = 4;
/// Bytes of every body.
const BODY: usize = 256;
/// Records that are written between two waits for the broker.
const BATCH: u64 = 10_000;
/// How long the next copy may take to be seen.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let mut figures = backlog(bench).await?;
        figures.extend(calls(bench).await?);
        Ok(figures)
    })
}

const SIDES: [(&str, Guarantee); 2] = [
    ("at least once", Guarantee::AtLeastOnce),
    ("exactly once", Guarantee::ExactlyOnce),
];

/// A service whose handler copies what it is given to another topic, once each copy is
/// acknowledged or in the transaction of its request.
struct Copier {
    name: String,
    copies: Arc<str>,
    transport: Arc<dyn Transport>,
    /// When its handler was first called.
    begun: Arc<OnceLock<Instant>>,
}

impl Copier {
    async fn new(bench: &Bench) -> Result<Self> {
        let name = bench.unused("copier");
        let copies: Arc<str> = format!("{name}.copies").into();
        let config = KafkaConfig::new(&bench.bootstrap);
        let transport: Arc<dyn Transport> = Arc::new(KafkaTransport::connect(config).await?);
        let requests = TopicSpec::new(format!("{name}.requests"), PARTITIONS);
        let outputs = TopicSpec::new(Arc::clone(&copies), PARTITIONS);
        transport.create_topics(&[requests, outputs]).await?;
        Ok(Self {
            name,
            copies,
            transport,
            begun: Arc::default(),
        })
    }

    async fn start(&self, guarantee: Guarantee) -> Result<Service> {
        let mut policy = Policy::new("POST /copy");
        policy.guarantee = guarantee;
        let (begun, transport) = (Arc::clone(&self.begun), Arc::clone(&self.transport));
        let copies = Arc::clone(&self.copies);
        let copy = async move |outputs: Option<Outputs>, body: Bytes| {
            begun.get_or_init(Instant::now);
            let copy = Outgoing {
                topic: Arc::clone(&copies),
                partition: None,
                envelope: Envelope {
                    payload: Some(body),
                    ..Envelope::default()
                },
            };
            let copied = match outputs {
                Some(outputs) => outputs.send_record(copy).is_ok(),
                None => transport.append(&copy).await.is_ok(),
            };
            match copied {
                true => StatusCode::OK,
                false => StatusCode::INTERNAL_SERVER_ERROR,
            }
        };
        let transport = Arc::clone(&self.transport);
        let service = Service::builder(&self.name)
            .transport(transport)
            .create_topics(PARTITIONS)
            .default_policy(policy)
            .serve(Router::new().route("/copy", post(copy)))
            .start()
            .await?;
        Ok(service)
    }

    /// Writes one-way requests that wait for the service.
    async fn fill(&self, records: u64) -> Result<()> {
        let mut headers = Headers::new();
        headers.push_static(names::METHOD, "POST");
        headers.push_static(names::PATH, "/copy");
        let mut request = Outgoing {
            topic: format!("{}.requests", self.name).into(),
            partition: None,
            envelope: Envelope {
                headers,
                key: None,
                payload: Some(Bytes::from(vec![b'x'; BODY])),
            },
        };
        let mut nth = 0;
        while nth < records {
            let receipts = (nth..records.min(nth + BATCH)).map(|nth| {
                request.envelope.key = Some(nth.to_string().into());
                self.transport.append(&request)
            });
            let receipts: Vec<_> = receipts.collect();
            nth += BATCH;
            try_join_all(receipts)
                .await
                .context("the backlog is not taken")?;
        }
        Ok(())
    }

    /// Waits until so many copies can be read by those who read what is committed.
    async fn copied(&self, bench: &Bench, records: u64) -> Result<Instant> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &bench.bootstrap)
            .set("group.id", format!("{}-reader", self.name))
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", "read_committed")
            .create()?;
        consumer.subscribe(&[&self.copies])?;
        let reading = spawn_blocking(move || {
            let (mut seen, mut last) = (0, Instant::now());
            while seen < records {
                match consumer.poll(Duration::from_millis(100)) {
                    Some(copy) => {
                        copy?;
                        (seen, last) = (seen + 1, Instant::now());
                    }
                    None => ensure!(
                        last.elapsed() < PATIENCE,
                        "{seen} of {records} copies came, and no more"
                    ),
                }
            }
            anyhow::Ok(last)
        });
        reading.await?
    }
}

/// How fast a backlog is copied, from the first record to the last copy.
async fn backlog(bench: &Bench) -> Result<Vec<Figure>> {
    let records = bench.pace.records / 10;
    let mut rates = SIDES.map(|_| Vec::new());
    for round in 1..=bench.pace.rounds {
        for ((name, guarantee), rates) in SIDES.into_iter().zip(&mut rates) {
            bench.step(format_args!("round {round}: {records} records, {name}"));
            let copier = Copier::new(bench).await?;
            copier.fill(records).await?;
            let service = copier.start(guarantee).await?;
            let copied = copier.copied(bench, records).await?;
            service.stop().await;
            let begun = copier.begun.get().context("no record was handled")?;
            rates.push(records as f64 / (copied - *begun).as_secs_f64());
        }
    }
    let figure = |nth: usize, rounds| {
        let name = format!("copies per second, {}", SIDES[nth].0);
        Figure::new(name, Unit::PerSecond, rounds)
    };
    let [least, exactly] = rates;
    let (least, exactly) = (figure(0, least), figure(1, exactly));
    let ratio = exactly.over(&least, "copies per second, exactly once over at least once");
    Ok(vec![least, exactly, ratio])
}

/// What one call after the other takes, whose answer follows its copy.
async fn calls(bench: &Bench) -> Result<Vec<Figure>> {
    let client = Client::builder(bench.unused("copier-caller"))
        .create_topics(1)
        .connect_kafka(KafkaConfig::new(&bench.bootstrap))
        .await?;
    let mut sides = Vec::new();
    for (name, guarantee) in SIDES {
        let copier = Copier::new(bench).await?;
        let service = copier.start(guarantee).await?;
        service.assigned().await;
        sides.push((name, copier, service, Vec::new()));
    }
    for round in 0..=bench.pace.rounds {
        for (name, copier, _, medians) in &mut sides {
            bench.step(format_args!("round {round}: calls, {name}"));
            let mut taken = Vec::new();
            let turn = Instant::now();
            while turn.elapsed() < bench.pace.turn {
                let request = Request::post(format!("http://{}/copy", copier.name))
                    .body(Body::from(vec![b'x'; BODY]))?;
                let asked = Instant::now();
                let response = client.clone().oneshot(request).await?;
                taken.push(asked.elapsed().as_secs_f64());
                let status = response.status();
                ensure!(status == StatusCode::OK, "a call is answered {status}");
            }
            // The first round warms everyone up.
            if round > 0 {
                medians.push(figure::median(&taken));
            }
        }
    }
    client.close().await;
    let mut figures = Vec::new();
    for (name, _, service, medians) in sides {
        service.stop().await;
        figures.push(Figure::new(
            format!("a call, {name}"),
            Unit::Seconds,
            medians,
        ));
    }
    let added = figures[1].above(&figures[0], "a call, exactly once above at least once");
    figures.push(added);
    Ok(figures)
}
