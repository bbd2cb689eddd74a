//! What a caller and a reader of outputs see where nothing goes wrong.

use anyhow::Result;
use axum::http::StatusCode;
use harness::{Log, Raw, Stage, Topic, call, eventually};

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
