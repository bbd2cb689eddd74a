//! A broker, and with it the transaction coordinator, that goes away.

use std::time::Duration;

use anyhow::{Context, Result};
use axum::http::StatusCode;
use harness::{Log, PrivateBroker, Raw, Stage, Topic, call, eventually_within, within};
use ipc_core::dispatch::Limits;

use super::{application, committed_outputs, exactly_once};

/// A broker has to come back, to end a transaction whose producer has gone (up to 20 s by its settings) and to let a
/// group go on without those who left it: one after the other, and on a machine that does more than that.
const RECOVERY: Duration = Duration::from_secs(240);

/// Waits until so many requests are committed, by which all is in order again.
async fn recovered(log: &Log, stage: &Stage, count: i64) {
    let what = format!("{count} requests are committed");
    let mut last = None;
    let recovered = eventually_within(RECOVERY, &what, async || {
        // A broker that begins, or that has a transaction open, does not say.
        let told = log.committed(stage.name(), &stage.requests()).await;
        let all = told.as_ref().is_ok_and(|told| *told == [count]);
        last = Some(told);
        Ok(all)
    })
    .await;
    // An error would end the test without what the broker has logged; a panic has it kept.
    assert!(recovered.is_ok(), "{recovered:?}; last told: {last:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_coordinator_that_goes_away_makes_nothing_hang_and_nothing_is_written_twice() -> Result<()>
{
    let broker = PrivateBroker::start().await?;
    let stage = Stage::on(broker.bootstrap(), "tx-broken");
    let outputs = Topic::create(stage.bootstrap(), "tx-out", 1).await?;
    let log = Log::of(stage.bootstrap())?;
    let service = || {
        let mut limits = Limits::default();
        limits.drain = Duration::from_secs(2);
        exactly_once(stage.service(1).limits(limits))
    };
    let first = service().serve(application(&outputs)).start().await?;
    let client = stage.client().await?;
    let (status, _) = call(&client, stage.post("/work", "before")).await?;
    assert_eq!(status, StatusCode::OK);

    // Some of these are in a transaction when the broker goes.
    for number in 0..20 {
        log.write(&stage.requests(), Raw::post("/work", number.to_string()))
            .await?;
    }
    broker.kill().await?;
    broker.start_again().await?;
    recovered(&log, &stage, 21).await;

    log.write(&stage.requests(), Raw::post("/work", "last"))
        .await?;
    broker.kill().await?;
    within("the end without a broker", first.stop()).await?;
    broker.start_again().await?;
    let second = service().serve(application(&outputs)).start().await?;
    recovered(&log, &stage, 22).await;
    let mut seen = committed_outputs(&stage, &outputs).await?;
    seen.sort_by_key(|output| output.parse::<u32>().ok());
    let numbers = (0..20).map(|number: u32| number.to_string());
    let expected: Vec<String> = ["before".to_owned(), "last".to_owned()]
        .into_iter()
        .chain(numbers)
        .collect();
    let (words, rest) = seen.split_at_checked(2).context("too few outputs")?;
    let mut words = words.to_vec();
    words.sort();
    assert_eq!([&words, rest].concat(), expected);
    second.stop().await;
    client.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_outlives_its_broker_finds_out_what_became_of_its_transactions() -> Result<()>
{
    const ROUNDS: u32 = 3;
    const RECORDS: u32 = 40;
    let broker = PrivateBroker::start().await?;
    let stage = Stage::on(broker.bootstrap(), "tx-member");
    let outputs = Topic::create(stage.bootstrap(), "tx-out", 1).await?;
    let log = Log::of(stage.bootstrap())?;
    // So long that the group never takes it for dead: what was open when the broker died is its own to settle.
    let config = stage.config().set("session.timeout.ms", "60000");
    let service = exactly_once(stage.service(1).kafka(config));
    let service = service.serve(application(&outputs)).start().await?;

    let mut expected = Vec::new();
    for round in 0..ROUNDS {
        for number in 0..RECORDS {
            let body = (round * RECORDS + number).to_string();
            log.write(&stage.requests(), Raw::post("/work", body.clone()))
                .await?;
            expected.push(body);
        }
        broker.kill().await?;
        broker.start_again().await?;
        recovered(&log, &stage, i64::try_from(expected.len())?).await;
    }
    assert_eq!(committed_outputs(&stage, &outputs).await?, expected);
    service.stop().await;
    Ok(())
}
