//! Topics that gain partitions while they are served.

use std::{
    io::{self, Write},
    sync::Arc,
};

use anyhow::{Context, Result};
use axum::{Router, routing::post};
use harness::{Stage, Topic, call, eventually, keyed};
use http::StatusCode;
use ipc_core::{client::Client, extract::Partition};
use parking_lot::Mutex;
use tracing_subscriber::{fmt::MakeWriter, util::SubscriberInitExt as _};

/// What was logged, as text.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Logged {
    /// The lines that hold all of `parts`.
    fn lines(&self, parts: &[String]) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.0.lock()).into_owned();
        let holds = |line: &&str| parts.iter().all(|part| line.contains(&**part));
        text.lines().filter(holds).map(str::to_owned).collect()
    }
}

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Logged {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

// One thread, because the log of one thread is caught.
#[tokio::test]
async fn new_partitions_are_served_and_told_of_once() -> Result<()> {
    let logged = Logged::default();
    let _caught = tracing_subscriber::fmt()
        .with_writer(logged.clone())
        .with_ansi(false)
        .set_default();
    let stage = Stage::new("growing");
    let config = stage
        .config()
        .set("topic.metadata.refresh.interval.ms", 200);
    let at = async |Partition(place): Partition| place.partition.to_string();
    let service = stage
        .service(1)
        .kafka(config.clone())
        .serve(Router::new().route("/at", post(at)))
        .start()
        .await?;
    let client = Client::builder(stage.fleet())
        .create_topics(1)
        .connect_kafka(config)
        .await?;
    let place = async |key: u32| -> Result<i32> {
        let request = keyed(stage.post("/at", ""), key.to_be_bytes().to_vec());
        let (status, body) = call(&client, request).await?;
        assert_eq!(status, StatusCode::OK);
        std::str::from_utf8(&body)?.parse().context("no partition")
    };
    assert_eq!(place(0).await?, 0);

    for (before, now) in [(1, 3), (3, 4)] {
        Topic::grow(stage.bootstrap(), &stage.requests(), now).await?;
        let newest = i32::try_from(now)? - 1;
        let mut keys = 0..;
        eventually("the newest partition is served", async || {
            let key = keys.next().context("out of keys")?;
            Ok(place(key).await? == newest)
        })
        .await?;
        let told = [
            "WARN".to_owned(),
            stage.requests(),
            format!("partitions_before={before}"),
            format!("partitions={now}"),
        ];
        eventually("the growth is told", async || {
            Ok(!logged.lines(&told).is_empty())
        })
        .await?;
        assert_eq!(logged.lines(&told).len(), 1);
    }
    let all = logged.lines(&[stage.requests(), "partitions_before".to_owned()]);
    assert_eq!(all.len(), 2, "{all:?}");
    client.close().await;
    service.stop().await;
    Ok(())
}
