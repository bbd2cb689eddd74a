//! Instances that are killed where they stand.

use std::{collections::BTreeSet, os::unix::process::ExitStatusExt as _};

use anyhow::{Context, Result, ensure};
use harness::{Log, Raw, Stage, Topic, Worker, Written, eventually};
use rustix::process::Signal;

use super::{PARTITIONS, PROGRAM, lines};

/// Writes one work to each of these partitions. Answers them.
async fn send(
    log: &Log,
    stage: &Stage,
    name: &str,
    partitions: impl IntoIterator<Item = i32>,
) -> Result<Vec<String>> {
    let mut works = Vec::new();
    for partition in partitions {
        let work = format!("{name}-{partition}");
        let raw = Raw::post("/work", &*work).on(partition);
        log.write(&stage.requests(), raw).await?;
        works.push(work);
    }
    Ok(works)
}

/// The partition a work was written to.
fn partition(work: &str) -> Result<i32> {
    let (_, partition) = work.split_once('-').context("no work")?;
    Ok(partition.parse()?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_work_of_a_killed_instance_is_done_by_the_next() -> Result<()> {
    let stage = Stage::new("killed");
    let effects = Topic::create(stage.bootstrap(), "effects", 1).await?;
    let effects = effects.name();
    let log = Log::of(stage.bootstrap())?;
    let doomed = Worker::start(PROGRAM, &stage, effects, "doomed", true).await?;

    // It has all partitions, and holds whatever it gets.
    let mut expected = send(&log, &stage, "before", 0..PARTITIONS).await?;
    let begun = |written: &[Written]| lines(written, "begun doomed ").len() == 4;
    log.read(effects, begun).await?;
    doomed.kill().await?;

    let heir = Worker::start(PROGRAM, &stage, effects, "heir", false).await?;
    expected.extend(send(&log, &stage, "after", 0..PARTITIONS).await?);
    let all = |written: &[Written]| lines(written, "done heir ").len() >= 8;
    log.read(effects, all).await?;
    let status = heir.terminate().await?;
    assert_eq!(status.code(), Some(0));

    let written = log.all(effects).await?;
    let mut done = lines(&written, "done heir ");
    done.sort();
    expected.sort();
    assert_eq!(done, expected);
    assert_eq!(lines(&written, "done doomed "), [""; 0]);
    let committed = log.committed(stage.name(), &stage.requests()).await?;
    assert_eq!(committed, log.ends(&stage.requests()).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_survivor_of_two_gets_the_partitions_of_the_killed_one_and_redoes_its_work()
-> Result<()> {
    let stage = Stage::new("survivor");
    let effects = Topic::create(stage.bootstrap(), "effects", 1).await?;
    let effects = effects.name();
    let log = Log::of(stage.bootstrap())?;
    let survivor = Worker::start(PROGRAM, &stage, effects, "survivor", false).await?;
    let doomed = Worker::start(PROGRAM, &stage, effects, "doomed", true).await?;

    // Work until the doomed one holds some of each of its partitions, which are half of them.
    let mut sent = Vec::new();
    let mut held = Vec::new();
    let mut lost = BTreeSet::new();
    eventually("both are at work", async || {
        let round = sent.len().to_string();
        sent.extend(send(&log, &stage, &round, 0..PARTITIONS).await?);
        held = lines(&log.all(effects).await?, "begun doomed ");
        lost = held
            .iter()
            .map(|work| partition(work))
            .collect::<Result<_>>()?;
        Ok(lost.len() == 2)
    })
    .await?;
    doomed.kill().await?;
    let before = lines(&log.all(effects).await?, "done survivor ");
    for work in &held {
        ensure!(
            !before.contains(work),
            "{work} was the survivor's all along"
        );
    }

    sent.extend(send(&log, &stage, "after", lost.iter().copied()).await?);
    log.read(effects, |written| {
        let done = lines(written, "done survivor ");
        sent.iter().all(|work| done.contains(work))
    })
    .await?;
    assert_eq!(survivor.terminate().await?.code(), Some(0));
    let written = log.all(effects).await?;
    assert_eq!(lines(&written, "done doomed "), [""; 0]);
    let mut done = lines(&written, "done survivor ");
    done.sort();
    sent.sort();
    assert_eq!(done, sent, "something was done again");
    let committed = log.committed(stage.name(), &stage.requests()).await?;
    assert_eq!(committed, log.ends(&stage.requests()).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_aborts_the_process_is_quarantined_and_everything_else_is_done() -> Result<()>
{
    let stage = Stage::new("poison");
    let effects = Topic::create(stage.bootstrap(), "effects", 1).await?;
    let effects = effects.name();
    let log = Log::of(stage.bootstrap())?;
    for topic in [stage.requests(), stage.dead_letters()] {
        Topic::make(stage.bootstrap(), &topic, PARTITIONS).await?;
    }
    let mut expected = send(&log, &stage, "work", 0..PARTITIONS).await?;
    for work in ["lane-a", "poison", "lane-b", "lane-c"] {
        let raw = Raw::post("/work", work).key("lane").on(1);
        log.write(&stage.requests(), raw).await?;
        expected.push(work.to_owned());
    }
    expected.retain(|work| work != "poison");

    let mut deaths = 0;
    let (survivor, letter) = loop {
        let name = format!("life-{deaths}");
        let mut worker = Worker::aborting(PROGRAM, &stage, effects, &name)?;
        let letters = stage.dead_letters();
        tokio::select! {
            status = worker.ended() => {
                let status = status?;
                ensure!(status.signal() == Some(Signal::ABORT.as_raw()), "{status:?}");
                deaths += 1;
            }
            letter = log.read(&letters, |written| !written.is_empty()) => break (worker, letter?),
        }
        ensure!(deaths < 8, "nothing is quarantined");
    };
    // Where the first had got so far that it committed, that death does not count.
    ensure!((3..=4).contains(&deaths), "{deaths} deaths");
    assert_eq!(letter[0].text("ipc-dlq-reason"), Some("quarantined"));
    assert_eq!(letter[0].payload, b"poison");

    let all = |written: &[Written]| {
        let done = lines(written, "done ");
        let is_done = |work: &String| done.iter().any(|line| line.ends_with(&format!(" {work}")));
        expected.iter().all(is_done)
    };
    log.read(effects, all).await?;
    assert_eq!(survivor.terminate().await?.code(), Some(0));
    let written = log.all(effects).await?;
    let begun = lines(&written, "begun ");
    let works = begun.iter().filter_map(|line| line.split_once(' '));
    let lane = works.map(|(_, work)| work);
    let lane = lane.filter(|work| work.starts_with("lane") || *work == "poison");
    let lane: Vec<&str> = lane.filter(|work| *work != "lane-a").collect();
    let (poison, behind) = lane.split_at(usize::try_from(deaths)?);
    assert!(poison.iter().all(|work| *work == "poison"), "{lane:?}");
    assert_eq!(behind, ["lane-b", "lane-c"]);
    assert_eq!(log.all(&stage.dead_letters()).await?.len(), 1);
    let committed = log.committed(stage.name(), &stage.requests()).await?;
    assert_eq!(committed, log.ends(&stage.requests()).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_in_a_retry_topic_when_its_owner_is_killed_is_done_by_the_next() -> Result<()> {
    let stage = Stage::new("tier");
    let effects = Topic::create(stage.bootstrap(), "effects", 1).await?;
    let effects = effects.name();
    let log = Log::of(stage.bootstrap())?;
    let doomed = Worker::failing(PROGRAM, &stage, effects, "doomed").await?;
    let mut expected = send(&log, &stage, "work", 0..PARTITIONS).await?;
    let tier = format!("{}.retry.8s", stage.name());
    let waiting = log.read(&tier, |written| written.len() >= 4).await?;
    // Otherwise what failed is handled again from where it was, too.
    eventually("what failed is committed", async || {
        let committed = log.committed(stage.name(), &stage.requests()).await?;
        Ok(committed == log.ends(&stage.requests()).await?)
    })
    .await?;
    doomed.kill().await?;
    for record in &waiting {
        assert_eq!(record.text("ipc-attempt"), Some("2"), "{record:?}");
        let topic = record.text("ipc-retry-topic").map(str::to_owned);
        assert_eq!(topic, Some(stage.requests()), "{record:?}");
    }

    let heir = Worker::failing(PROGRAM, &stage, effects, "heir").await?;
    let all = |written: &[Written]| lines(written, "done heir ").len() >= 4;
    log.read(effects, all).await?;
    assert_eq!(heir.terminate().await?.code(), Some(0));
    let written = log.all(effects).await?;
    let mut done = lines(&written, "done ");
    done.sort();
    expected.sort();
    let expected: Vec<String> = expected.iter().map(|work| format!("heir {work}")).collect();
    assert_eq!(done, expected);
    for topic in [stage.requests(), tier] {
        let committed = log.committed(stage.name(), &topic).await?;
        assert_eq!(committed, log.ends(&topic).await?, "{topic}");
    }
    Ok(())
}
