//! Instances that come and go in order, under load.

use std::collections::BTreeSet;

use anyhow::Result;
use harness::{Log, Stage, Topic, Worker};

use super::{Done, Load, PROGRAM, each_answered_once, instance, lines};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebalance_under_load_loses_nothing_and_repeats_nothing() -> Result<()> {
    let stage = Stage::new("rebalance");
    let done = Done::default();
    let first = instance(&stage, "first", &done).await?;
    let client = stage.client().await?;
    let load = Load::start(&stage, &client);
    done.at_work("first").await?;

    let second = instance(&stage, "second", &done).await?;
    done.at_work("second").await?;
    done.at_work("first").await?;
    first.stop().await;
    done.at_work("second").await?;
    let third = instance(&stage, "third", &done).await?;
    done.at_work("third").await?;
    let calls = load.finish().await?;
    second.stop().await;
    third.stop().await;

    done.each_once(calls)?;
    each_answered_once(&stage, calls).await?;
    client.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_of_the_only_instance_fails_no_call_and_repeats_none() -> Result<()> {
    let stage = Stage::new("rolling");
    let done = Done::default();
    let mut running = instance(&stage, "first", &done).await?;
    let client = stage.client().await?;
    let load = Load::start(&stage, &client);
    done.at_work("first").await?;

    for name in ["second", "third", "fourth"] {
        running.stop().await;
        running = instance(&stage, name, &done).await?;
        done.at_work(name).await?;
    }
    let calls = load.finish().await?;
    running.stop().await;

    done.each_once(calls)?;
    each_answered_once(&stage, calls).await?;
    client.close().await;
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
    let load = Load::start(&stage, &client);
    log.read(effects, |written| lines(written, "done first ").len() >= 50)
        .await?;

    let status = first.terminate().await?;
    assert_eq!(status.code(), Some(0), "{status}");
    let second = Worker::start(PROGRAM, &stage, effects, "second", false).await?;
    log.read(effects, |written| {
        !lines(written, "done second ").is_empty()
    })
    .await?;
    let calls = load.finish().await?;
    assert_eq!(second.terminate().await?.code(), Some(0));

    let written = log.all(effects).await?;
    let begun = lines(&written, "begun ");
    let done = lines(&written, "done ");
    assert_eq!(begun.len(), done.len(), "not everything that began ended");
    let works: BTreeSet<_> = done
        .iter()
        .filter_map(|line| line.split_once(' '))
        .map(|(_, work)| work)
        .collect();
    assert_eq!(works.len(), done.len(), "something was done again");
    assert_eq!(works.len() as u64, calls);
    each_answered_once(&stage, calls).await?;
    client.close().await;
    Ok(())
}
