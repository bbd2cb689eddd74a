//! Messages that cannot be sent, and databases that cannot hold any.

use anyhow::{Context as _, Result};
use axum::Router;
use harness::{Database, Stage, Topic, eventually, metric};
use ipc_core::outbox::{Message, Outbox};

use super::{Desk, of_each};

/// Larger than a topic takes unless it is told otherwise.
const TOO_LARGE: usize = 2 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_too_large_parks_its_key_and_no_other_until_somebody_decides()
-> Result<()> {
    let desk = Desk::new().await?;
    let relay = desk.relay().await?;
    for large in [true, false] {
        let mut transaction = desk.pool.begin().await?;
        let payload = match large {
            true => "x".repeat(TOO_LARGE),
            false => "1".to_owned(),
        };
        let message = Message::record(&*desk.topic).key("large").payload(payload);
        Outbox::send(&mut transaction, message).await?;
        transaction.commit().await?;
    }
    eventually("it is parked", async || {
        Ok(!desk.outbox().parked(10).await?.is_empty())
    })
    .await?;
    assert_eq!(metric(&relay.metrics, "ipc_outbox_refused_total")?, 1.0);
    desk.commit("other").await?;
    desk.arrived(&of_each(["other"], 1)).await?;
    assert_eq!(desk.log.all(&desk.topic).await?.len(), 1, "its key waits");

    let parked = desk.outbox().parked(10).await?;
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert_eq!(parked[0].topic, desk.topic);
    assert!(parked[0].fault.contains("message.max.bytes"), "{parked:?}");
    // As large as before: it comes back.
    assert!(desk.outbox().retry(parked[0].row).await?);
    eventually("it is parked again", async || {
        Ok(metric(&relay.metrics, "ipc_outbox_refused_total")? >= 2.0)
    })
    .await?;
    assert!(desk.outbox().discard(parked[0].row).await?);
    assert!(!desk.outbox().discard(parked[0].row).await?);
    desk.arrived(&of_each(["other", "large"], 1)).await?;
    relay.end().await;
    assert_eq!(desk.waiting().await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_for_a_missing_topic_wait_in_order_and_hold_no_other_up() -> Result<()> {
    let mut desk = Desk::new().await?;
    let relay = desk.relay().await?;
    let there = std::mem::replace(&mut desk.topic, Topic::unused("missing").name().to_owned());
    for _ in 0..10 {
        desk.commit("a").await?;
    }
    let missing = std::mem::replace(&mut desk.topic, there);
    desk.commit("b").await?;
    desk.arrived(&of_each(["b"], 1)).await?;
    assert_eq!(desk.waiting().await?, 10);

    Topic::make(&desk.bootstrap, &missing, 1).await?;
    desk.topic = missing;
    desk.arrived(&of_each(["a"], 10)).await?;
    relay.end().await;
    assert_eq!(desk.waiting().await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_does_not_start_where_its_outbox_is_missing_or_of_another_version() -> Result<()>
{
    let database = Database::empty(&harness::postgres()).await?;
    let outbox = Outbox::new(database.pool().await?);
    let start = async || {
        let stage = Stage::new("orders").service(1);
        let started = stage.outbox(outbox.clone()).serve(Router::new()).start();
        let refused = started.await.err().context("it started")?;
        anyhow::Ok(refused.to_string())
    };
    let missing = start().await?;
    assert!(
        missing.contains("has no outbox: call Outbox::migrate()"),
        "{missing}"
    );
    outbox.migrate().await?;
    outbox.migrate().await?;
    outbox.check().await?;
    database
        .run("UPDATE ipc_outbox_schema SET version = 99")
        .await?;
    let newer = start().await?;
    assert!(
        newer.contains("version 99, newer than this build's 1"),
        "{newer}"
    );
    assert!(outbox.migrate().await.is_err());
    Ok(())
}
