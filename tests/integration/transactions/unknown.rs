//! A coordinator that does not answer: nobody is told what became of a transaction.

use anyhow::{Result, ensure};
use harness::{KafkaProxy, Log, Lost, Raw, Stage, Topic, eventually};
use ipc_core::transport::kafka::KafkaConfig;

use super::{application, committed_outputs, exactly_once};

async fn each_request_has_one_output_although(lost: Lost) -> Result<()> {
    let stage = Stage::new("tx-unknown");
    let outputs = Topic::create(stage.bootstrap(), "tx-out", 1).await?;
    let log = Log::of(stage.bootstrap())?;
    let proxy = KafkaProxy::before(stage.bootstrap()).await?;
    let service = exactly_once(stage.service(1).kafka(KafkaConfig::new(proxy.address())))
        .serve(application(&outputs))
        .start()
        .await?;
    let work = async |body: &str| log.write(&stage.requests(), Raw::post("/work", body)).await;
    let committed = async |count: i64| {
        eventually(&format!("{count} requests are committed"), async || {
            // while a transaction is open the group does not say
            let told = log.committed(stage.name(), &stage.requests()).await;
            Ok(told.is_ok_and(|told| told == [count]))
        })
        .await
    };
    work("first").await?;
    committed(1).await?;

    let producers = proxy.producers();
    proxy.lose_next_end(lost);
    work("second").await?;
    proxy.has_lost().await?;
    ensure!(proxy.producers() == producers, "nothing was lost before");
    work("third").await?;
    committed(3).await?;
    ensure!(
        proxy.producers() > producers,
        "the producer was not given up"
    );
    let seen = committed_outputs(&stage, &outputs).await?;
    assert_eq!(seen, ["first", "second", "third"]);
    service.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_was_committed_unheard_is_found_and_not_written_again() -> Result<()> {
    each_request_has_one_output_although(Lost::Answer).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_whose_end_nobody_asked_for_is_found_missing_and_written_again() -> Result<()>
{
    each_request_has_one_output_although(Lost::Request).await
}
