//! What recognising a repetition costs: a claim and a mark in each store, what that adds
//! to a call, and what a stored key holds.

mod calls;
mod databases;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use futures_util::{StreamExt as _, stream};
use ipc_core::store::{
    Claim, ClaimRequest, DedupStore, Effects, Fingerprint, KafkaStore, MemoryStore, Place,
    StoredReply, WorkId,
};
use ipc_core::transport::kafka::{KafkaConfig, KafkaTransport};
use ipc_core::transport::{TopicSpec, Transport};
use tokio::runtime::Runtime;

use crate::bench::Bench;
use crate::figure::{Figure, Unit};
use crate::resources;

/// Bytes of every stored body.
const BODY: usize = 256;
/// Claims at once, where they wait for a log.
const AT_ONCE: usize = 256;

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let mut figures = memory(bench).await?;
        figures.extend(log(bench).await?);
        figures.extend(server(bench, "redis", &databases::redis()?).await?);
        figures.extend(server(bench, "postgres", &databases::postgres().await?).await?);
        figures.extend(calls::run(bench).await?);
        bench.remark(
            "Postgres and Redis run on this machine and write nothing through to its disk: what \
             a commit waits for there comes on top.",
        );
        Ok(figures)
    })
}

async fn memory(bench: &Bench) -> Result<Vec<Figure>> {
    let keys = bench.pace.keys;
    let (mut costs, mut sizes) = (Vec::new(), Vec::new());
    // Kept to the end: what one gave back the next would not have to ask for.
    let mut stores = Vec::new();
    for round in 1..=bench.pace.rounds {
        bench.step(format_args!("round {round}: {keys} keys in memory"));
        let store = MemoryStore::new(keys);
        let before = resources::memory(this_process()?)?;
        let began = Instant::now();
        for key in 0..keys {
            work(&store, &request(key, None)).await?;
        }
        costs.push(began.elapsed().as_secs_f64() / keys as f64);
        let held = resources::memory(this_process()?)? - before;
        sizes.push(held * 1e6 / keys as f64);
        stores.push(store);
    }
    Ok(vec![
        Figure::new("memory: claim and mark", Unit::Seconds, costs),
        Figure::new(
            "memory: a million keys with their replies",
            Unit::Bytes,
            sizes,
        ),
    ])
}

async fn log(bench: &Bench) -> Result<Vec<Figure>> {
    let keys = bench.pace.keys;
    let service = bench.unused("dedup");
    let config = KafkaConfig::new(&bench.bootstrap);
    let transport: Arc<dyn Transport> = Arc::new(KafkaTransport::connect(config).await?);
    let topic = TopicSpec::new(format!("{service}.dedup"), 1);
    transport.create_topics(&[topic]).await?;
    let place = |assignment| Place {
        topic: format!("{service}.requests").into(),
        partition: 0,
        assignment,
    };
    let store = || {
        let store = KafkaStore::new();
        store.attach(&transport);
        store
    };

    let (mut alone, mut together, mut restored) = (Vec::new(), Vec::new(), Vec::new());
    let filled = store();
    bench.step(format_args!("{keys} keys in the log"));
    let began = Instant::now();
    let mut works = stream::iter(0..keys)
        .map(|key| {
            let (filled, request) = (&filled, request(key, Some(place(1))));
            async move { work(filled, &request).await }
        })
        .buffer_unordered(AT_ONCE);
    while let Some(done) = works.next().await {
        done?;
    }
    drop(works);
    together.push(began.elapsed().as_secs_f64() / keys as f64);
    for round in 1..=bench.pace.rounds {
        bench.step(format_args!(
            "round {round}: one after the other, and read again"
        ));
        let began = Instant::now();
        let mut done = 0;
        while began.elapsed() < bench.pace.turn {
            let key = keys * (round + 1) + done;
            work(&filled, &request(key, Some(place(1)))).await?;
            done += 1;
        }
        alone.push(began.elapsed().as_secs_f64() / done as f64);
        let began = Instant::now();
        let next = store();
        let mut known = request(0, Some(place(1)));
        known.patience = Duration::from_secs(60);
        let claim = next.claim(&known).await?;
        restored.push(began.elapsed().as_secs_f64() * 1e6 / keys as f64);
        if !matches!(claim, Claim::Done(_)) {
            bail!("what was stored is not known to the next owner: {claim:?}");
        }
    }
    Ok(vec![
        Figure::new(
            "log: claim and mark, one after the other",
            Unit::Seconds,
            alone,
        ),
        Figure::new("log: claim and mark, 256 at once", Unit::Seconds, together),
        Figure::new("log: a million keys read again", Unit::Seconds, restored),
    ])
}

/// A store that is a server of its own.
async fn server(bench: &Bench, name: &str, store: &dyn DedupStore) -> Result<Vec<Figure>> {
    // Keys of an earlier run may still be there.
    let run = fastrand::usize(..usize::MAX / 2);
    let mut next = run;
    let (mut alone, mut together) = (Vec::new(), Vec::new());
    for round in 0..=bench.pace.rounds {
        for (at_once, costs) in [(1, &mut alone), (AT_ONCE, &mut together)] {
            bench.step(format_args!("round {round}: {name}, {at_once} at once"));
            let began = Instant::now();
            let keys = (next..).take_while(|_| began.elapsed() < bench.pace.turn);
            let mut works = stream::iter(keys)
                .map(|key| async move { work(store, &request(key, None)).await })
                .buffer_unordered(at_once);
            let mut done = 0;
            while let Some(worked) = works.next().await {
                worked?;
                done += 1;
            }
            next += done;
            // The first round opens connections.
            if round > 0 {
                costs.push(began.elapsed().as_secs_f64() / done as f64);
            }
        }
    }
    let figure = |what, costs| Figure::new(format!("{name}: {what}"), Unit::Seconds, costs);
    Ok(vec![
        figure("claim and mark, one after the other", alone),
        figure("claim and mark, 256 at once", together),
    ])
}

fn this_process() -> Result<i32> {
    i32::try_from(std::process::id()).context("a process id")
}

fn request(key: usize, place: Option<Place>) -> ClaimRequest {
    let id = WorkId {
        scope: Arc::from("bench POST /echo"),
        key: key.to_string().into(),
    };
    let mut request = ClaimRequest::new(id, Fingerprint::of(&[b"POST", b"/echo"]), "bench/1");
    request.place = place;
    request
}

/// What a call costs beside its handler.
async fn work(store: &dyn DedupStore, request: &ClaimRequest) -> Result<()> {
    let Claim::Granted(claimed) = store.claim(request).await? else {
        bail!("a new key is not granted");
    };
    let reply = StoredReply::new(200, Vec::new(), vec![b'x'; BODY]);
    let finished = claimed.finish(&reply, Effects::Keep).await;
    finished.map_err(|error| anyhow!("{error}"))
}
