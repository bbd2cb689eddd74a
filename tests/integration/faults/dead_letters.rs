//! The topic of dead letters, deleted.

use anyhow::{Result, ensure};
use axum::{Router, http::StatusCode, routing::post};
use harness::{Log, Raw, Stage, Topic, eventually};

use super::{Chronicle, Handlers, Load, PARTITIONS, load};

/// Records for each partition that end as dead letters.
const POISON: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_dropped_and_nobody_else_waits_while_the_topic_of_dead_letters_is_gone()
-> Result<()> {
    let stage = Stage::new("no-letters");
    let chronicle = Chronicle::begin();
    let refused = Router::new().route("/refused", post(|| async { StatusCode::IM_A_TEAPOT }));
    let app = load::app(Handlers {
        instance: 1,
        chronicle: chronicle.clone(),
    });
    let service = stage.service(PARTITIONS).serve(app.merge(refused));
    let service = service.start().await?;
    let client = stage.client().await?;
    let load = Load::start(&stage, &client, &chronicle);
    chronicle.goes_on(Load::CALLERS).await?;

    let (log, letters) = (Log::of(stage.bootstrap())?, stage.dead_letters());
    Topic::delete(stage.bootstrap(), &letters).await?;
    eventually("the topic is gone", async || {
        Ok(log.ends(&letters).await?.is_empty())
    })
    .await?;
    let mut poison = Vec::new();
    for partition in (0..PARTITIONS).cycle().take(POISON * PARTITIONS as usize) {
        let raw = Raw::post("/refused", "poison").key("poison").on(partition);
        let place = log.write(&stage.requests(), raw).await?;
        chronicle.poisoned(place);
        poison.push(place);
    }
    chronicle.goes_on(Load::CALLERS).await?;
    let committed = log.committed(stage.name(), &stage.requests()).await?;
    for (partition, offset) in poison {
        let next = committed[usize::try_from(partition)?];
        ensure!(
            next <= offset,
            "{offset} of {partition} is committed without its letter"
        );
    }

    Topic::make(stage.bootstrap(), &letters, 1).await?;
    chronicle.goes_on(Load::CALLERS).await?;
    load.finish().await?;
    chronicle.judge(&stage).await?;
    client.close().await;
    service.stop().await;
    Ok(())
}
