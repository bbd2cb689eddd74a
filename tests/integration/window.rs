//! How much of one partition is taken on at once.

use std::{collections::HashMap, sync::Arc};

use anyhow::{Context, Result, ensure};
use axum::{Router, extract::State, http::StatusCode, routing::post};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use harness::{Log, Raw, Stage, eventually, metric, within};
use ipc_core::{dispatch::Limits, service::Service};
use parking_lot::Mutex;
use tokio::{
    sync::{Semaphore, mpsc},
    time::Instant,
};

const WINDOW: usize = 2048;
/// What may arrive beyond the window: [`Limits::window`] says so.
const ON_ITS_WAY: usize = 1023;
const BACKLOG: usize = 20_000;

/// The slow handlers' gate, and how often each work ran.
#[derive(Clone)]
struct Slow {
    gate: Arc<Semaphore>,
    ran: Arc<Mutex<HashMap<String, usize>>>,
}

impl Slow {
    fn ran(&self) -> usize {
        self.ran.lock().values().sum()
    }
}

async fn slow(State(slow): State<Slow>, work: String) {
    // An error says that it was opened for all.
    let _ = slow.gate.acquire().await;
    *slow.ran.lock().entry(work).or_default() += 1;
}

/// Records of partition 0 that were received and whose offset may not be stored yet.
fn in_window(stage: &Stage, service: &Service) -> Result<usize> {
    let topic = stage.requests();
    let series = format!("ipc_partition_window_used_ratio{{topic=\"{topic}\",partition=\"0\"}}");
    let used = metric(service.metrics(), &series)? * WINDOW as f64;
    Ok(used.round() as usize)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_is_read_to_its_window_and_not_further_until_it_moves() -> Result<()> {
    let stage = Stage::new("window");
    let work = Slow {
        gate: Arc::new(Semaphore::new(0)),
        ran: Arc::default(),
    };
    let (done, mut marks) = mpsc::channel(8);
    let mark =
        move |body: String| async move { done.send(body).await.map_err(|_| StatusCode::GONE) };
    let app = Router::new()
        .route("/slow", post(slow))
        .with_state(work.clone())
        .route("/mark", post(mark));
    // The hardest case: all lies ready when the partition is assigned.
    let maker = stage.service(2).serve(app.clone()).start().await?;
    maker.stop().await;
    let log = Log::of(stage.bootstrap())?;
    let topic = stage.requests();
    stream::iter(0..BACKLOG)
        .map(|number| log.write(&topic, Raw::post("/slow", number.to_string()).on(0)))
        .buffer_unordered(1000)
        .try_for_each(|_| async { Ok(()) })
        .await?;

    let mut limits = Limits::default();
    limits.window = WINDOW;
    limits.per_partition = Some(64);
    let service = stage.service(2).limits(limits).serve(app).start().await?;
    let paused = format!("ipc_partition_paused{{topic=\"{topic}\",partition=\"0\"}}");
    eventually("the full partition is paused", async || {
        Ok(metric(service.metrics(), &paused)? == 1.0)
    })
    .await?;
    let now = Instant::now();
    let readiness = service.health().facts(now).readiness(now);
    ensure!(readiness.is_ok(), "{readiness:?}");
    let told = format!("{topic}[0] is paused: its window is full");
    assert_eq!(readiness.warnings(), [told]);
    // The other partition goes on, and shows when the consumer has seen the pause.
    for number in ["first", "second"] {
        log.write(&topic, Raw::post("/mark", number).on(1)).await?;
        let mark = within("the mark", marks.recv()).await?.context("no mark")?;
        assert_eq!(mark, number);
    }
    let taken = in_window(&stage, &service)?;
    ensure!(
        (WINDOW..=WINDOW + ON_ITS_WAY).contains(&taken),
        "{taken} records are taken on with a window of {WINDOW}"
    );
    assert_eq!(work.ran(), 0);
    assert_eq!(log.committed(stage.name(), &topic).await?[0], 0);

    work.gate.close();
    eventually("all work is done", async || Ok(work.ran() >= BACKLOG)).await?;
    eventually("the partition counts as paused no longer", async || {
        let now = Instant::now();
        let readiness = service.health().facts(now).readiness(now);
        Ok(readiness.warnings().is_empty())
    })
    .await?;
    service.stop().await;
    let ran = std::mem::take(&mut *work.ran.lock());
    assert_eq!(ran.len(), BACKLOG);
    assert!(ran.values().all(|times| *times == 1), "something ran twice");
    let committed = log.committed(stage.name(), &topic).await?;
    assert_eq!(committed, log.ends(&topic).await?);
    Ok(())
}
