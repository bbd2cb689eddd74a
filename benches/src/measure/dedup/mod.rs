//! What recognising a repetition costs: a claim and a mark in each store, what that adds
//! to a call, and what a stored key holds.

mod calls;
mod databases;
mod relay;
mod statements;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use futures_util::{StreamExt as _, stream};
use ipc_core::envelope::UnixMillis;
use ipc_core::store::{
    Claim, ClaimRequest, DedupStore, Effects, Fingerprint, KafkaStore, MemoryStore, Place,
    StoredReply, WorkId,
};
use ipc_core::transport::kafka::{KafkaConfig, KafkaTransport};
use ipc_core::transport::{TopicSpec, TopicState, Transport};
use tokio::runtime::Runtime;

use crate::bench::Bench;
use crate::figure::{Figure, Unit};
use crate::resources;
use relay::Relay;

/// Bytes of every stored body.
const BODY: usize = 256;
/// Claims at once, where they wait for a log.
const AT_ONCE: usize = 256;
/// Claims whose round trips are counted.
const COUNTED: usize = 1024;
/// As long as a service lets a one-way wait for another owner.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let mut figures = memory(bench).await?;
        figures.extend(log(bench).await?);
        figures.extend(server(bench, "redis", &databases::redis()?).await?);
        let (store, relay) = databases::counted_redis().await?;
        figures.push(
            counted(bench, "redis", &*store, &relay, 1)
                .await?
                .round_trips,
        );
        figures.push(
            counted(bench, "redis", &*store, &relay, AT_ONCE)
                .await?
                .round_trips,
        );
        figures.extend(server(bench, "postgres", &databases::postgres().await?).await?);
        let (store, relay) = databases::counted_postgres().await?;
        let count = counted(bench, "postgres", &*store, &relay, 1).await?;
        figures.extend([count.round_trips, count.statements]);
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
    let topic = TopicState {
        name: format!("{service}.dedup").into(),
        partitions: 1,
    };
    let spec = TopicSpec::new(Arc::clone(&topic.name), topic.partitions);
    transport.create_topics(&[spec]).await?;
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
    // Kept to the end, as those in memory.
    let (mut sizes, mut stores) = (Vec::new(), Vec::new());
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
    let written = transport.written_since(&topic, UnixMillis(0)).await?;
    let records = written.iter().sum::<u64>() as f64 / keys as f64;
    let mut stored = keys;
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
        stored += done;
        let before = resources::memory(this_process()?)?;
        let began = Instant::now();
        let next = store();
        let known = request(0, Some(place(1)));
        let claim = next.claim(&known).await?;
        restored.push(began.elapsed().as_secs_f64() * 1e6 / stored as f64);
        let held = resources::memory(this_process()?)? - before;
        sizes.push(held * 1e6 / stored as f64);
        stores.push(next);
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
        Figure::new(
            "log: records of a claim and a mark",
            Unit::Count,
            vec![records],
        ),
        Figure::new("log: a million keys read again", Unit::Seconds, restored),
        Figure::new("log: a million keys with their replies", Unit::Bytes, sizes),
    ])
}

/// What a claim and a mark say to a server.
struct Counted {
    round_trips: Figure,
    /// Statements with parameters.
    statements: Figure,
}

/// Counts what goes over the wire for so many claims at once.
async fn counted(
    bench: &Bench,
    name: &str,
    store: &dyn DedupStore,
    relay: &Relay,
    at_once: usize,
) -> Result<Counted> {
    bench.step(format_args!("{name}: round trips, {at_once} at once"));
    let run = fastrand::usize(..usize::MAX / 2);
    // The first one connects, and prepares what is said again and again.
    work(store, &request(run, None)).await?;
    let before = relay.count();
    let mut works = stream::iter(run + 1..=run + COUNTED)
        .map(|key| async move { work(store, &request(key, None)).await })
        .buffer_unordered(at_once);
    while let Some(worked) = works.next().await {
        worked?;
    }
    let after = relay.count();
    let figure = |what, before: u64, after: u64| {
        let each = (after - before) as f64 / COUNTED as f64;
        let how = match at_once {
            1 => "one after the other".to_owned(),
            _ => format!("{at_once} at once"),
        };
        Figure::new(
            format!("{name}: {what} of a claim and a mark, {how}"),
            Unit::Count,
            vec![each],
        )
    };
    Ok(Counted {
        round_trips: figure("round trips", before.round_trips, after.round_trips),
        statements: figure("statements", before.statements, after.statements),
    })
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
    request.patience = PATIENCE;
    request
}

/// What a call costs beside its handler.
async fn work(store: &dyn DedupStore, request: &ClaimRequest) -> Result<()> {
    let claimed = match store.claim(request).await? {
        Claim::Granted(claimed) => claimed,
        other => bail!(
            "{} does not grant {:?}, a new key: {other:?}",
            store.name(),
            request.id
        ),
    };
    let reply = StoredReply::new(200, Vec::new(), vec![b'x'; BODY]);
    let finished = claimed.finish(&reply, Effects::Keep).await;
    finished.map_err(|error| anyhow!("{error}"))
}
