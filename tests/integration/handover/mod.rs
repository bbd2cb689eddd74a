//! Instances that come and go: what is lost (nothing) and what is done again.
//!
//! The promise is at least once. A record is done again only where its offset
//! was not committed when its instance lost it: it was running beyond the drain
//! bound, or finished behind one that was; after a crash also what finished since
//! the last commit. A handover in order, in which everything that runs ends
//! within the drain bound, repeats nothing.

mod killed;
mod orderly;
mod parked;
mod versions;

use std::{collections::HashMap, sync::Arc};

use anyhow::{Context, Result, ensure};
use axum::{Router, extract::State, http::StatusCode, routing::post};
use harness::{Log, Stage, Written, call, eventually, keyed, within};
use ipc_core::{client::Client, service::Service};
use parking_lot::Mutex;
use tokio::{sync::watch, task::JoinSet};

const PROGRAM: &str = env!("CARGO_BIN_EXE_worker");
/// As many as the worker makes.
const PARTITIONS: i32 = 4;

/// Who did each work, as often as it was done.
#[derive(Clone, Default)]
struct Done(Arc<Mutex<HashMap<String, Vec<&'static str>>>>);

impl Done {
    fn by(&self, instance: &str) -> usize {
        let done = self.0.lock();
        done.values()
            .flatten()
            .filter(|by| **by == instance)
            .count()
    }

    /// Waits until `instance` has done something from now on.
    async fn at_work(&self, instance: &'static str) -> Result<()> {
        let before = self.by(instance);
        eventually(&format!("{instance} is at work"), async || {
            Ok(self.by(instance) > before)
        })
        .await
    }

    /// Checks that `works` were done, and each once.
    fn each_once(&self, works: u64) -> Result<()> {
        let mut done = self.0.lock().clone();
        ensure!(done.len() as u64 == works, "{} of {works} done", done.len());
        done.retain(|_, by| by.len() > 1);
        ensure!(done.is_empty(), "done again: {done:?}");
        Ok(())
    }
}

fn app(instance: &'static str, done: &Done) -> Router {
    let handler = async move |State(done): State<Done>, work: String| {
        let mut done = done.0.lock();
        done.entry(work.clone()).or_default().push(instance);
        work
    };
    Router::new()
        .route("/work", post(handler))
        .with_state(done.clone())
}

async fn instance(stage: &Stage, name: &'static str, done: &Done) -> Result<Service> {
    let served = stage.service(PARTITIONS).serve(app(name, done));
    Ok(served.start().await?)
}

/// Callers that call without end until told to stop; each call must be answered
/// with its own work.
struct Load {
    stop: watch::Sender<bool>,
    callers: JoinSet<Result<u64>>,
}

impl Load {
    fn start(stage: &Stage, client: &Client) -> Self {
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
        Self { stop, callers }
    }

    /// Answers how many calls there were.
    async fn finish(mut self) -> Result<u64> {
        self.stop.send_replace(true);
        let mut sum = 0;
        while let Some(calls) = within("the last answer", self.callers.join_next()).await? {
            sum += calls??;
        }
        ensure!(sum > 0, "nobody called");
        Ok(sum)
    }
}

/// Checks in the log that `calls` were asked and answered, and each once.
async fn each_answered_once(stage: &Stage, calls: u64) -> Result<()> {
    let log = Log::of(stage.bootstrap())?;
    let asked: i64 = log.ends(&stage.requests()).await?.iter().sum();
    ensure!(asked as u64 == calls, "{asked} requests of {calls} calls");
    let mut answered = HashMap::new();
    for reply in log.all(&stage.replies()).await? {
        if reply.header(":status").is_some() {
            let id = reply.header("kafka_correlationId").context("no id")?;
            let twice = answered.insert(id.to_vec(), reply.offset);
            ensure!(
                twice.is_none(),
                "answered at {twice:?} and {}",
                reply.offset
            );
        }
    }
    ensure!(
        answered.len() as u64 == calls,
        "{} answers to {calls} calls",
        answered.len()
    );
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
