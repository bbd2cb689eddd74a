//! `ipc pause` and `ipc resume`, as somebody on call uses them.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use harness::{Log, Raw, Stage, call, eventually};
use ipc_core::prelude::{App, Service, endpoint, endpoints};
use parking_lot::Mutex;
use serde_json::Value;

use super::command::{found, json, text};

const PARTITIONS: i32 = 3;
const KEYS: usize = 6;

/// What was handled, by key.
#[derive(Clone, Default)]
struct Done(Arc<Mutex<BTreeMap<String, Vec<usize>>>>);

impl Done {
    fn count(&self) -> usize {
        self.0.lock().values().map(Vec::len).sum()
    }

    fn has_each(&self, numbers: usize) -> bool {
        let whole: Vec<usize> = (0..numbers).collect();
        let done = self.0.lock();
        done.len() == KEYS && done.values().all(|lane| *lane == whole)
    }
}

#[endpoint(POST "/jobs/{key}")]
async fn job(
    State(done): State<Done>,
    Path(key): Path<String>,
    nth: String,
) -> Result<(), StatusCode> {
    let nth = nth.parse().map_err(|_| StatusCode::BAD_REQUEST)?;
    done.0.lock().entry(key).or_default().push(nth);
    Ok(())
}

#[endpoint(GET "/plain")]
async fn plain() -> &'static str {
    "plain"
}

async fn serve(stage: &Stage, done: &Done) -> Result<Service> {
    let app: App = App::new()
        .endpoints(endpoints![job, plain])?
        .with_state(done.clone());
    Ok(stage.service(PARTITIONS).serve(app).start().await?)
}

async fn send(stage: &Stage, log: &Log, numbers: std::ops::Range<usize>) -> Result<()> {
    for nth in numbers {
        for key in 0..KEYS {
            let key = key.to_string();
            let raw = Raw::post(&format!("/jobs/{key}"), nth.to_string());
            log.write(&stage.requests(), raw.key(key)).await?;
        }
    }
    Ok(())
}

/// Whether each of the service's partitions is paused.
fn all_paused(service: &Service) -> bool {
    let rendered = service.metrics().render();
    let mut paused = rendered
        .lines()
        .filter(|line| line.starts_with("ipc_partition_paused{"));
    let paused = paused.by_ref().filter(|line| line.ends_with(" 1"));
    paused.count() == usize::try_from(PARTITIONS).unwrap_or_default()
}

fn obeying(told: &[Value], instances: usize) -> Result<()> {
    let heard = told[0]["instances"].as_array().context("no instances")?;
    ensure!(heard.len() == instances, "{told:?}");
    ensure!(heard.iter().all(|it| it["obeys"] == true), "{told:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_service_handles_nothing_until_it_is_resumed_whoever_restarts() -> Result<()> {
    let (stage, done) = (Stage::new("paused"), Done::default());
    let service = serve(&stage, &done).await?;
    service.assigned().await;
    let log = Log::of(stage.bootstrap())?;
    let name = stage.name();
    send(&stage, &log, 0..2).await?;
    eventually("the first are done", async || Ok(done.has_each(2))).await?;

    let told = json(&stage, 0, &["pause", name, "--reason", "stocktaking"]).await?;
    obeying(&told, 1)?;
    ensure!(told[0]["paused"][0]["reason"] == "stocktaking", "{told:?}");
    ensure!(told[0]["paused"][0]["endpoint"].is_null(), "{told:?}");
    ensure!(all_paused(&service), "a partition is fetched");
    send(&stage, &log, 2..10).await?;
    service.stop().await;

    let service = serve(&stage, &done).await?;
    service.assigned().await;
    eventually("all is paused", async || Ok(all_paused(&service))).await?;
    // Whatever it would handle it had time for while this was asked.
    let again = text(&stage, 0, &["pause", name, "--reason", "stocktaking"]).await?;
    found(
        &again,
        &["1 of 1 instances obey", "the whole service", "stocktaking"],
    )?;
    ensure!(done.has_each(2), "{:?}", done.0.lock());
    let now = tokio::time::Instant::now();
    let readiness = service.health().facts(now).readiness(now);
    ensure!(readiness.is_ok(), "{readiness:?}");
    let warnings = readiness.warnings().join("\n");
    found(
        &warnings,
        &["consumption is stopped: it is paused: stocktaking"],
    )?;

    let told = json(&stage, 0, &["resume", name]).await?;
    obeying(&told, 1)?;
    ensure!(told[0]["paused"] == Value::Array(Vec::new()), "{told:?}");
    eventually("all is done", async || Ok(done.count() == KEYS * 10)).await?;
    ensure!(done.has_each(10), "{:?}", done.0.lock());
    service.stop().await;
    let ends = log.ends(&stage.requests()).await?;
    let committed = log.committed(name, &stage.requests()).await?;
    let mut places = ends.iter().zip(&committed);
    let is_whole = places.all(|(end, committed)| *end == 0 || end == committed);
    ensure!(is_whole, "{committed:?} of {ends:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_endpoint_waits_while_the_others_go_on() -> Result<()> {
    let (stage, done) = (Stage::new("endpoint"), Done::default());
    let service = serve(&stage, &done).await?;
    service.assigned().await;
    let log = Log::of(stage.bootstrap())?;
    let client = stage.client().await?;
    let of_jobs = [stage.name(), "--endpoint", "POST /jobs/{key}"];
    let told = json(&stage, 0, &[&["pause"], &of_jobs[..]].concat()).await?;
    obeying(&told, 1)?;
    send(&stage, &log, 0..4).await?;
    for _ in 0..20 {
        let (status, _) = call(&client, stage.get("/plain")).await?;
        ensure!(status == StatusCode::OK, "{status}");
    }
    ensure!(done.count() == 0, "{:?}", done.0.lock());
    ensure!(!all_paused(&service), "the partitions are paused");
    json(&stage, 0, &[&["resume"], &of_jobs[..]].concat()).await?;
    eventually("all is done", async || Ok(done.has_each(4))).await?;
    client.close().await;
    service.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mistakes_are_told_together_and_a_service_nobody_knows_is_named() -> Result<()> {
    let stage = Stage::new("unknown");
    let wrong = ["pause", "or ders", "--endpoint", "orders"];
    let told = text(&stage, 2, &wrong).await?;
    found(&told, &["\"or ders\"", "\"orders\"", "POST /orders/{id}"])?;
    let nobody = text(&stage, 2, &["pause", stage.name()]).await?;
    found(&nobody, &["there is no service", &stage.control()])?;

    // An instance that has no such endpoint says so; the others go on.
    let done = Done::default();
    let service = serve(&stage, &done).await?;
    let client = stage.client().await?;
    let pause = ["pause", stage.name(), "--endpoint", "POST /nothing"];
    let told = text(&stage, 3, &pause).await?;
    found(&told, &["it has no POST /nothing", "0 of 1 instances obey"])?;
    let (status, _) = call(&client, stage.get("/plain")).await?;
    ensure!(status == StatusCode::OK, "{status}");
    client.close().await;
    service.stop().await;
    Ok(())
}
