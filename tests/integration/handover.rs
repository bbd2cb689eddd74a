//! Instances that come and go: what is lost (nothing) and what is done again.
//!
//! The promise is at least once. A record is done again only where its offset
//! was not committed when its instance lost it: it was running beyond the drain
//! bound, or finished behind one that was; after a crash also what finished since
//! the last commit. A handover in order, in which everything that runs ends
//! within the drain bound, repeats nothing.

use std::{collections::HashMap, sync::Arc};

use anyhow::{Context, Result, ensure};
use axum::{Router, extract::State, http::StatusCode, routing::post};
use futures_util::{StreamExt as _, stream};
use harness::{Log, Raw, Stage, Topic, Worker, Written, call, eventually, keyed, within};
use ipc_core::service::Service;
use parking_lot::Mutex;
use tokio::{sync::watch, task::JoinSet};

const PROGRAM: &str = env!("CARGO_BIN_EXE_worker");
const PARTITIONS: i32 = 4;

/// How often each work was done, and by which instance last.
type Done = Arc<Mutex<HashMap<String, Vec<&'static str>>>>;

fn app(instance: &'static str, done: &Done) -> Router {
    let handler = move |State(done): State<Done>, work: String| async move {
        done.lock().entry(work.clone()).or_default().push(instance);
        work
    };
    Router::new()
        .route("/work", post(handler))
        .with_state(Arc::clone(done))
}

async fn instance(stage: &Stage, name: &'static str, done: &Done) -> Result<Service> {
    let served = stage.service(PARTITIONS).serve(app(name, done));
    Ok(served.start().await?)
}

/// Calls without end until told to stop; each must be answered with its own
/// number. Answers how many there were.
fn calls(
    stage: &Stage,
    client: &ipc_core::client::Client,
) -> (watch::Sender<bool>, JoinSet<Result<u64>>) {
    let (stop, stopped) = watch::channel(false);
    let mut callers = JoinSet::new();
    for caller in 0..16 {
        let (stage, client, stopped) = (stage.clone(), client.clone(), stopped.clone());
        callers.spawn(async move {
            let mut number = 0;
            while !*stopped.borrow() {
                let work = format!("{caller}-{number}");
                let request = keyed(stage.post("/work", work.clone()), work.clone());
                let (status, body) = call(&client, request)
                    .await
                    .with_context(|| format!("call {work}"))?;
                ensure!(status == StatusCode::OK, "call {work} got {status}");
                ensure!(body == work, "call {work} got {body:?}");
                number += 1;
            }
            Ok(number)
        });
    }
    (stop, callers)
}

async fn finish(stop: &watch::Sender<bool>, mut callers: JoinSet<Result<u64>>) -> Result<u64> {
    stop.send_replace(true);
    let mut sum = 0;
    while let Some(calls) = within("the last answer", callers.join_next()).await? {
        sum += calls??;
    }
    Ok(sum)
}

/// Waits until `instance` has done something.
async fn at_work(done: &Done, instance: &'static str) -> Result<()> {
    eventually(&format!("{instance} is at work"), async || {
        Ok(done.lock().values().flatten().any(|by| *by == instance))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebalance_under_load_loses_nothing_and_repeats_nothing() -> Result<()> {
    let stage = Stage::new("rebalance");
    let done = Done::default();
    let first = instance(&stage, "first", &done).await?;
    let client = stage.client().await?;
    let (stop, callers) = calls(&stage, &client);
    at_work(&done, "first").await?;

    let second = instance(&stage, "second", &done).await?;
    at_work(&done, "second").await?;
    first.stop().await;
    done.lock().clear();
    at_work(&done, "second").await?;
    let third = instance(&stage, "third", &done).await?;
    at_work(&done, "third").await?;
    let calls = finish(&stop, callers).await?;
    second.stop().await;
    third.stop().await;

    assert!(calls > 0);
    let log = Log::of(stage.bootstrap())?;
    let requests: i64 = log.ends(&stage.requests()).await?.iter().sum();
    assert_eq!(requests, i64::try_from(calls)?, "each was sent once");
    let replies = replies(&log, &stage).await?;
    assert_eq!(
        replies.len(),
        usize::try_from(calls)?,
        "each was answered once"
    );
    client.close().await;
    Ok(())
}

/// Every reply in the log, without the pings; a correlation id that is there
/// twice is an error.
async fn replies(log: &Log, stage: &Stage) -> Result<Vec<Written>> {
    let all: i64 = log.ends(&stage.replies()).await?.iter().sum();
    let all = usize::try_from(all)?;
    let mut written = log.read(&stage.replies(), |seen| seen.len() >= all).await?;
    written.retain(|record| record.header(":status").is_some());
    let mut seen = HashMap::new();
    for record in &written {
        let id = record.header("kafka_correlationId").context("no id")?;
        let twice = seen.insert(id.to_vec(), record.offset);
        ensure!(
            twice.is_none(),
            "answered at {twice:?} and {}",
            record.offset
        );
    }
    Ok(written)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_of_the_only_instance_fails_no_call() -> Result<()> {
    let stage = Stage::new("rolling");
    let done = Done::default();
    let mut running = instance(&stage, "first", &done).await?;
    let client = stage.client().await?;
    let (stop, callers) = calls(&stage, &client);
    at_work(&done, "first").await?;

    for name in ["second", "third", "fourth"] {
        running.stop().await;
        running = instance(&stage, name, &done).await?;
        at_work(&done, name).await?;
    }
    let calls = finish(&stop, callers).await?;
    running.stop().await;
    client.close().await;
    assert!(calls > 0);
    let log = Log::of(stage.bootstrap())?;
    assert_eq!(replies(&log, &stage).await?.len(), usize::try_from(calls)?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_work_of_a_killed_instance_is_done_by_the_other() -> Result<()> {
    let stage = Stage::new("killed");
    let effects = Topic::create(stage.bootstrap(), "effects", 1).await?;
    let effects = effects.name();
    let log = Log::of(stage.bootstrap())?;
    let doomed = Worker::start(PROGRAM, &stage, effects, "doomed", true).await?;

    // It has all partitions, and holds whatever it gets.
    for partition in 0..PARTITIONS {
        let raw = Raw::post("/work", format!("before-{partition}")).on(partition);
        log.write(&stage.requests(), raw).await?;
    }
    let begun = |written: &[Written]| lines(written, "begun doomed ").len() == 4;
    log.read(effects, begun).await?;
    doomed.kill().await?;

    let heir = Worker::start(PROGRAM, &stage, effects, "heir", false).await?;
    for partition in 0..PARTITIONS {
        let raw = Raw::post("/work", format!("after-{partition}")).on(partition);
        log.write(&stage.requests(), raw).await?;
    }
    let all = |written: &[Written]| lines(written, "done heir ").len() >= 8;
    let written = log.read(effects, all).await?;
    let mut done = lines(&written, "done ");
    done.sort();
    let expected = |when: &str| {
        (0..PARTITIONS)
            .map(|at| format!("heir {when}-{at}"))
            .collect()
    };
    let expected: Vec<String> = [expected("after"), expected("before")]
        .into_iter()
        .flat_map(|works: Vec<String>| works)
        .collect();
    assert_eq!(done, expected);

    let status = heir.terminate().await?;
    assert_eq!(status.code(), Some(0));
    let committed = log.committed(stage.name(), &stage.requests()).await?;
    assert_eq!(committed, log.ends(&stage.requests()).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_survivor_of_two_takes_over_what_the_killed_one_held() -> Result<()> {
    let stage = Stage::new("survivor");
    let effects = Topic::create(stage.bootstrap(), "effects", 1).await?;
    let effects = effects.name();
    let log = Log::of(stage.bootstrap())?;
    let survivor = Worker::start(PROGRAM, &stage, effects, "survivor", false).await?;
    let doomed = Worker::start(PROGRAM, &stage, effects, "doomed", true).await?;

    // Work until the doomed one has got some: then both are at work.
    let mut sent: Vec<String> = Vec::new();
    eventually("both are at work", async || {
        let round = sent.len();
        for partition in 0..PARTITIONS {
            let work = format!("{round}-{partition}");
            let raw = Raw::post("/work", &*work).on(partition);
            log.write(&stage.requests(), raw).await?;
            sent.push(work);
        }
        let all: i64 = log.ends(effects).await?.iter().sum();
        let all = usize::try_from(all)?;
        let written = log.read(effects, |seen| seen.len() >= all).await?;
        Ok(!lines(&written, "begun doomed ").is_empty())
    })
    .await?;
    doomed.kill().await?;

    let written = log
        .read(effects, |written| {
            let done = lines(written, "done survivor ");
            sent.iter().all(|work| done.contains(work))
        })
        .await?;
    assert_eq!(lines(&written, "done doomed "), Vec::<String>::new());
    assert_eq!(survivor.terminate().await?.code(), Some(0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_under_load_exits_0_and_nothing_is_lost_nor_repeated() -> Result<()> {
    let stage = Stage::new("sigterm");
    let effects = Topic::create(stage.bootstrap(), "effects", 1).await?;
    let effects = effects.name();
    let log = Log::of(stage.bootstrap())?;
    let first = Worker::start(PROGRAM, &stage, effects, "first", false).await?;
    let client = stage.client().await?;
    let (stop, callers) = calls(&stage, &client);
    log.read(effects, |written| lines(written, "done first ").len() >= 50)
        .await?;

    let status = first.terminate().await?;
    assert_eq!(status.code(), Some(0), "{status}");
    let second = Worker::start(PROGRAM, &stage, effects, "second", false).await?;
    log.read(effects, |written| {
        !lines(written, "done second ").is_empty()
    })
    .await?;
    let calls = usize::try_from(finish(&stop, callers).await?)?;
    assert_eq!(second.terminate().await?.code(), Some(0));

    let written = log
        .read(effects, |written| lines(written, "done ").len() >= calls)
        .await?;
    let mut times: HashMap<&str, usize> = HashMap::new();
    let done = lines(&written, "done ");
    for line in &done {
        let (_, work) = line.split_once(' ').context("no work")?;
        *times.entry(work).or_default() += 1;
    }
    assert_eq!(times.len(), calls);
    times.retain(|_, times| *times > 1);
    assert!(times.is_empty(), "done again: {times:?}");
    assert_eq!(replies(&log, &stage).await?.len(), calls);
    client.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_versions_in_one_group_answer_each_what_they_know() -> Result<()> {
    let stage = Stage::new("versions");
    let done = Done::default();
    let old = instance(&stage, "old", &done).await?;
    let newer = app("new", &done).merge(Router::new().route("/fresh", post(|| async { "fresh" })));
    let client = stage.client().await?;
    let (status, _) = call(&client, stage.post("/fresh", "")).await?;
    assert_eq!(status, StatusCode::NOT_FOUND);
    // A one-way for an endpoint nobody knows yet waits for who does.
    let log = Log::of(stage.bootstrap())?;
    for partition in 0..PARTITIONS {
        let raw = Raw::post("/fresh", "")
            .on(partition)
            .key(format!("fresh-{partition}"));
        log.write(&stage.requests(), raw).await?;
    }
    let newer = stage.service(PARTITIONS).serve(newer).start().await?;
    let calls: Vec<Result<(StatusCode, _)>> = stream::iter(0..40)
        .map(|number| {
            call(
                &client,
                keyed(stage.post("/work", number.to_string()), number.to_string()),
            )
        })
        .buffer_unordered(8)
        .collect()
        .await;
    for answer in calls {
        assert_eq!(answer?.0, StatusCode::OK);
    }
    old.stop().await;
    let (status, body) = call(&client, stage.post("/fresh", "")).await?;
    assert_eq!((status, &*body), (StatusCode::OK, &b"fresh"[..]));
    eventually("the waiting one-ways are done", async || {
        let committed = log.committed(stage.name(), &stage.requests()).await?;
        Ok(committed == log.ends(&stage.requests()).await?)
    })
    .await?;
    assert_eq!(log.ends(&stage.dead_letters()).await?, [0]);
    newer.stop().await;
    client.close().await;
    Ok(())
}

/// The rest of every effect that begins so.
fn lines(written: &[Written], beginning: &str) -> Vec<String> {
    let texts = written
        .iter()
        .filter_map(|record| str::from_utf8(&record.payload).ok());
    texts
        .filter_map(|text| text.strip_prefix(beginning))
        .map(str::to_owned)
        .collect()
}
