//! Instances that die, or are taken for dead, with transactions under way.

use std::{collections::BTreeMap, os::unix::process::ExitStatusExt as _};

use anyhow::{Result, ensure};
use harness::{Log, Raw, Stage, Topic, Worker, eventually, within};
use rustix::process::Signal;

use super::committed_outputs;

const PROGRAM: &str = env!("CARGO_BIN_EXE_worker");
/// Records that are handled between two events.
const RECORDS: usize = 300;

struct Scene {
    stage: Stage,
    outputs: Topic,
    log: Log,
    written: usize,
}

impl Scene {
    async fn new(purpose: &str) -> Result<Self> {
        let stage = Stage::new(purpose);
        Ok(Self {
            outputs: Topic::create(stage.bootstrap(), "tx-out", 2).await?,
            log: Log::of(stage.bootstrap())?,
            stage,
            written: 0,
        })
    }

    async fn worker(&self) -> Result<Worker> {
        Worker::copying(PROGRAM, &self.stage, self.outputs.name()).await
    }

    /// Writes so many requests, one after the other.
    async fn write(&mut self, records: usize) -> Result<()> {
        for _ in 0..records {
            let body = self.written.to_string();
            let request = Raw::post("/copy", body.clone()).key(body);
            self.log.write(&self.stage.requests(), request).await?;
            self.written += 1;
        }
        Ok(())
    }

    async fn all_committed(&self) -> Result<()> {
        let (name, requests) = (self.stage.name(), self.stage.requests());
        eventually("every request is committed", async || {
            let ends = self.log.ends(&requests).await?;
            // A transaction that is open keeps the broker from saying.
            let committed = self.log.committed(name, &requests).await;
            Ok(committed.is_ok_and(|committed| committed == ends))
        })
        .await
    }

    /// Each request has one output that a reader of committed records sees.
    async fn one_output_each(&self) -> Result<()> {
        let mut seen = BTreeMap::new();
        for output in committed_outputs(&self.stage, &self.outputs).await? {
            *seen.entry(output.parse::<usize>()?).or_insert(0) += 1;
        }
        let wrong: Vec<_> = (0..self.written)
            .map(|request| (request, seen.get(&request).copied().unwrap_or(0)))
            .filter(|(_, outputs)| *outputs != 1)
            .collect();
        ensure!(wrong.is_empty(), "requests and their outputs: {wrong:?}");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_request_has_one_output_when_instances_are_killed() -> Result<()> {
    let mut scene = Scene::new("tx-killed").await?;
    let first = scene.worker().await?;
    scene.write(RECORDS).await?;
    first.kill().await?;
    scene.write(RECORDS).await?;
    let second = scene.worker().await?;
    scene.write(RECORDS).await?;
    scene.all_committed().await?;
    scene.write(RECORDS).await?;
    second.kill().await?;
    let third = scene.worker().await?;
    scene.all_committed().await?;
    third.terminate().await?;
    scene.one_output_each().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_request_has_one_output_when_an_instance_is_taken_for_dead_and_goes_on() -> Result<()>
{
    let mut scene = Scene::new("tx-zombie").await?;
    let zombie = scene.worker().await?;
    scene.write(RECORDS).await?;
    zombie.signal(Signal::STOP)?;
    scene.write(RECORDS).await?;
    let second = scene.worker().await?;
    scene.all_committed().await?;
    zombie.signal(Signal::CONT)?;
    scene.write(RECORDS).await?;
    scene.all_committed().await?;
    second.terminate().await?;
    scene.write(RECORDS).await?;
    scene.all_committed().await?;
    zombie.terminate().await?;
    scene.one_output_each().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_aborts_the_process_is_quarantined_and_all_others_have_one_output()
-> Result<()> {
    let mut scene = Scene::new("tx-poison").await?;
    let (requests, letters) = (scene.stage.requests(), scene.stage.dead_letters());
    for topic in [&requests, &letters] {
        Topic::make(scene.stage.bootstrap(), topic, 4).await?;
    }
    scene.write(20).await?;
    let poison = Raw::post("/copy", "poison").key("poison");
    scene.log.write(&requests, poison).await?;
    scene.write(20).await?;

    let mut deaths = 0;
    let (survivor, letter) = loop {
        let mut worker =
            Worker::copying_until_it_aborts(PROGRAM, &scene.stage, scene.outputs.name())?;
        tokio::select! {
            status = within("the end of a process", worker.ended()) => {
                let status = status??;
                ensure!(status.signal() == Some(Signal::ABORT.as_raw()), "{status:?}");
                deaths += 1;
            }
            letter = scene.log.read(&letters, |written| !written.is_empty()) => {
                break (worker, letter?);
            }
        }
        ensure!(deaths < 8, "nothing is quarantined");
    };
    // Where the first had got so far that it committed, that death does not count.
    ensure!((3..=4).contains(&deaths), "{deaths} deaths");
    assert_eq!(letter[0].text("ipc-dlq-reason"), Some("quarantined"));
    scene.all_committed().await?;
    survivor.terminate().await?;
    scene.one_output_each().await
}
