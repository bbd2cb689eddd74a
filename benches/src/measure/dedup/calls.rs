//! What a store adds to a call: services that differ in nothing else, in turns.

use std::time::Instant;

use anyhow::{Result, ensure};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::post;
use futures_util::{StreamExt as _, stream};
use http::{Request, StatusCode};
use ipc_core::client::Client;
use ipc_core::dispatch::{Idempotency, Policy};
use ipc_core::service::Service;
use ipc_core::store::{Dedup, KafkaStore, MemoryStore};
use ipc_core::transport::kafka::KafkaConfig;
use tower::ServiceExt as _;

use super::{AT_ONCE, BODY, databases};
use crate::bench::Bench;
use crate::figure::{Figure, Unit};

const PARTITIONS: i32 = 12;

/// A service with a store, or without one, and what calls to it took.
struct Side {
    name: &'static str,
    service: String,
    running: Service,
    alone: Vec<f64>,
    together: Vec<f64>,
}

impl Side {
    async fn start(bench: &Bench, name: &'static str, store: Option<Dedup>) -> Result<Self> {
        let service = bench.unused("dedup-call");
        let mut policy = Policy::new("POST /echo");
        let mut builder = Service::builder(&service)
            .kafka(KafkaConfig::new(&bench.bootstrap))
            .create_topics(PARTITIONS);
        if let Some(store) = store {
            policy.idempotency = Idempotency::Required;
            builder = builder.dedup(store);
        }
        let app = Router::new().route("/echo", post(async |body: Bytes| body));
        let running = builder.default_policy(policy).serve(app).start().await?;
        running.assigned().await;
        Ok(Self {
            name,
            service,
            running,
            alone: Vec::new(),
            together: Vec::new(),
        })
    }

    async fn call(&self, client: &Client, key: String) -> Result<()> {
        let request = Request::post(format!("http://{}/echo", self.service))
            .header("idempotency-key", key)
            .body(Body::from(vec![b'x'; BODY]))?;
        let response = client.clone().oneshot(request).await?;
        let status = response.status();
        ensure!(status == StatusCode::OK, "a call is answered {status}");
        Ok(())
    }

    /// Calls for a turn, so many at once; answers the seconds that each took of the turn.
    async fn turn(&self, bench: &Bench, client: &Client, at_once: usize) -> Result<f64> {
        let began = Instant::now();
        let run = fastrand::u64(..);
        let keys = (0_u64..).take_while(|_| began.elapsed() < bench.pace.turn);
        let mut calls = stream::iter(keys)
            .map(|key| self.call(client, format!("{run:x} {key}")))
            .buffer_unordered(at_once);
        let mut done = 0_u32;
        while let Some(called) = calls.next().await {
            called?;
            done += 1;
        }
        Ok(began.elapsed().as_secs_f64() / f64::from(done.max(1)))
    }
}

pub(super) async fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let stores = [
        ("no store", None),
        ("memory", Some(MemoryStore::new(bench.pace.keys).into())),
        ("log", Some(KafkaStore::new().into())),
        ("redis", Some(databases::redis()?.into())),
        ("postgres", Some(databases::postgres().await?.into())),
    ];
    let mut sides = Vec::new();
    for (name, store) in stores {
        sides.push(Side::start(bench, name, store).await?);
    }
    let client = Client::builder(bench.unused("dedup-caller"))
        .create_topics(1)
        .connect_kafka(KafkaConfig::new(&bench.bootstrap))
        .await?;
    for round in 0..=bench.pace.rounds {
        for side in &mut sides {
            bench.step(format_args!("round {round}: calls, {}", side.name));
            let alone = side.turn(bench, &client, 1).await?;
            let together = side.turn(bench, &client, AT_ONCE).await?;
            // The first round warms everyone up.
            if round > 0 {
                side.alone.push(alone);
                side.together.push(together);
            }
        }
    }
    client.close().await;
    let mut figures = Vec::new();
    let mut floor: Option<[Figure; 2]> = None;
    for side in sides {
        side.running.stop().await;
        let figure = |what, rounds| {
            Figure::new(
                format!("{}: a call, {what}", side.name),
                Unit::Seconds,
                rounds,
            )
        };
        let taken = [
            figure("alone", side.alone),
            figure("256 at once", side.together),
        ];
        match &floor {
            None => floor = Some(taken.clone()),
            Some([alone, together]) => {
                let above = format!("{}: a call, alone, above no store", side.name);
                figures.push(taken[0].above(alone, above));
                let over = format!("{}: a call, 256 at once, over no store", side.name);
                figures.push(taken[1].over(together, over));
            }
        }
        figures.extend(taken);
    }
    Ok(figures)
}
