//! Kafka or Postgres goes away.

use anyhow::Result;
use harness::{Database, PrivateBroker, PrivatePostgres, eventually};
use ipc_core::{
    health::Health,
    transport::kafka::{KafkaConfig, KafkaTransport},
};
use std::{sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Desk, of_each};

const KEYS: [&str; 3] = ["a", "b", "c"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_committed_while_kafka_is_away_arrives_in_order_when_it_is_back() -> Result<()> {
    let broker = PrivateBroker::start().await?;
    let desk = Desk::at(Database::create().await?, broker.bootstrap()).await?;
    let transport = KafkaTransport::connect(KafkaConfig::new(broker.bootstrap())).await?;
    let health = Health::new();
    let outbox = desk.outbox().warn_after(Duration::from_secs(1));
    let relay = outbox.relay(Arc::new(transport)).health(health.clone());
    let stop = CancellationToken::new();
    let running = JoinSet::from_iter([relay.run(stop.clone().cancelled_owned())]);
    for key in KEYS {
        desk.commit(key).await?;
    }
    desk.arrived(&of_each(KEYS, 1)).await?;

    broker.kill().await?;
    for _ in 0..20 {
        for key in KEYS {
            desk.commit(key).await?;
        }
    }
    eventually("readiness warns of it", async || {
        let now = Instant::now();
        let verdict = health.facts(now).readiness(now);
        Ok(format!("{verdict:?}").contains("outbox: 60 messages wait"))
    })
    .await?;
    broker.start_again().await?;
    desk.arrived(&of_each(KEYS, 21)).await?;
    eventually("the rows are gone", async || Ok(desk.waiting().await? == 0)).await?;
    eventually("nothing is warned of", async || {
        let now = Instant::now();
        let verdict = health.facts(now).readiness(now);
        Ok(!format!("{verdict:?}").contains("outbox"))
    })
    .await?;
    stop.cancel();
    running.join_all().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_outlives_a_crash_of_postgres_and_sends_what_was_committed() -> Result<()> {
    let postgres = PrivatePostgres::start().await?;
    let database = Database::at(postgres.url()).await?;
    let desk = Desk::at(database, &harness::bootstrap()).await?;
    let relay = desk.relay().await?;
    for _ in 0..30 {
        for key in KEYS {
            desk.commit(key).await?;
        }
    }
    postgres.crash().await?;
    postgres.start_again().await?;
    eventually("the database answers", async || {
        Ok(desk.commit("a").await.is_ok())
    })
    .await?;
    let mut expected = of_each(KEYS, 30);
    expected.insert("a".to_owned(), 31);
    desk.arrived(&expected).await?;
    eventually("the rows are gone", async || Ok(desk.waiting().await? == 0)).await?;
    relay.end().await;
    Ok(())
}
