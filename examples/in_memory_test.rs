//! A test of one's own service without any broker: a model of Kafka in memory,
//! under tokio's paused clock, so that a test of hours takes milliseconds.
//!
//! Run with: `cargo test -p ipc-examples --test in_memory_test`
//!
//! You see one test pass. With one seed it runs the same way every time.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use ipc_core::prelude::*;
use ipc_core::transport::memory::MemoryCluster;

#[endpoint(GET "/brew/{minutes}", timeout = "1h")]
async fn brew(Path(minutes): Path<u64>) -> Json<u64> {
    tokio::time::sleep(Duration::from_secs(minutes * 60)).await;
    Json(minutes)
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_takes_its_time_arrives_within_the_timeout_and_not_beyond() -> Result<()> {
    let cluster = MemoryCluster::new(7);
    let app: App = App::new().endpoints(endpoints![brew])?;
    let service = Service::builder("kitchen")
        .transport(Arc::new(cluster.transport()))
        .create_topics(3)
        .serve(app)
        .start()
        .await?;
    let client = Client::builder("test").create_topics(1);
    let client = client.connect(Arc::new(cluster.transport())).await?;
    let kitchen = client.service("kitchen");

    assert_eq!(kitchen.call(brew::request(50)).await?, 50);
    assert!(kitchen.call(brew::request(70)).await.is_err());

    client.close().await;
    service.stop().await;
    Ok(())
}
