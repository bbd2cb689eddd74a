//! What a caller and a reader of outputs see where nothing goes wrong.

use anyhow::{Context, Result};
use axum::http::StatusCode;
use harness::{Log, Raw, Stage, Topic, call, eventually};
use ipc_core::envelope::Parked;

use super::{application, committed_outputs, exactly_once};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_answered_once_its_outputs_and_its_offset_are_committed() -> Result<()> {
    let stage = Stage::new("tx-walk");
    let outputs = Topic::create(stage.bootstrap(), "tx-out", 1).await?;
    let service = exactly_once(stage.service(1))
        .serve(application(&outputs))
        .start()
        .await?;
    let client = stage.client().await?;
    let log = Log::of(stage.bootstrap())?;

    let (status, body) = call(&client, stage.post("/work", "first")).await?;
    assert_eq!((status, &*body), (StatusCode::OK, &b"first"[..]));
    let committed = log.committed(stage.name(), &stage.requests()).await?;
    assert_eq!(committed, [1], "with the answer the offset is there");
    assert_eq!(committed_outputs(&stage, &outputs).await?, ["first"]);

    let (status, _) = call(&client, stage.post("/fail", "never")).await?;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    log.write(&stage.requests(), Raw::post("/work", "second"))
        .await?;
    eventually("the offsets are committed", async || {
        Ok(log.committed(stage.name(), &stage.requests()).await? == [3])
    })
    .await?;
    let seen = committed_outputs(&stage, &outputs).await?;
    assert_eq!(seen, ["first", "second"]);
    service.stop().await;
    client.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sender_of_a_one_way_is_told_where_the_letter_of_a_transaction_lies() -> Result<()> {
    let stage = Stage::new("tx-told");
    let outputs = Topic::create(stage.bootstrap(), "tx-out", 1).await?;
    Topic::make(stage.bootstrap(), &stage.replies(), 1).await?;
    let service = exactly_once(stage.service(1))
        .serve(application(&outputs))
        .start()
        .await?;
    let log = Log::of(stage.bootstrap())?;
    // A place that the letter alone does not have by chance.
    for body in ["before", "never"] {
        let request = Raw::post("/fail", body)
            .header("kafka_correlationId", body)
            .header("ipc-parked-topic", stage.replies());
        log.write(&stage.requests(), request).await?;
    }
    let told = log.read(&stage.replies(), |told| told.len() == 2).await?;
    let letters = log
        .read(&stage.dead_letters(), |letters| letters.len() == 2)
        .await?;
    for letter in letters {
        let parked = told.iter().filter_map(|it| Parked::parse(&it.payload));
        let mut parked = parked.map(|it| (it.topic, it.partition, it.offset));
        let place = (stage.dead_letters(), letter.partition, letter.offset);
        parked
            .find(|it| *it == place)
            .with_context(|| format!("{place:?} was not told"))?;
    }
    service.stop().await;
    Ok(())
}
