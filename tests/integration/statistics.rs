//! Figures of the Kafka client among a service's and a caller's metrics.

use std::time::Duration;

use anyhow::Result;
use axum::{Router, routing::post};
use harness::{Stage, call, eventually};
use http::StatusCode;
use ipc_core::{client::Client, metrics::Metrics};

/// Whether a gauge of this name and with these labels is shown.
fn shows(metrics: &Metrics, name: &str, labels: &[&str]) -> bool {
    metrics.render().lines().any(|line| {
        let series = line.strip_prefix(name);
        series.is_some_and(|series| {
            series.starts_with('{') && labels.iter().all(|label| series.contains(label))
        })
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interval_turns_on_gauges_of_lag_round_trips_and_queues() -> Result<()> {
    let stage = Stage::new("figures");
    let config = stage
        .config()
        .statistics_interval(Duration::from_millis(100));
    let (served, called) = (Metrics::new(), Metrics::new());
    let service = stage
        .service(1)
        .kafka(config.clone())
        .metrics(served.clone())
        .serve(Router::new().route("/work", post(|| async {})))
        .start()
        .await?;
    let client = Client::builder("figures")
        .metrics(called.clone())
        .create_topics(1)
        .connect_kafka(config)
        .await?;

    eventually("every gauge is shown", async || {
        // Only brokers that were asked something in an interval have a round trip.
        let (status, _) = call(&client, stage.post("/work", "")).await?;
        assert_eq!(status, StatusCode::OK);
        let lag = [
            &*format!("topic=\"{}\"", stage.requests()),
            "partition=\"0\"",
        ];
        let mut all = shows(&served, "ipc_partition_lag_records", &lag);
        let clients = [
            (&served, "producer"),
            (&served, "group"),
            (&called, "producer"),
            (&called, "reader"),
        ];
        for (metrics, kind) in clients {
            let client = format!("client=\"{kind}\"");
            for (name, label) in [
                ("ipc_kafka_queue_records", ""),
                ("ipc_kafka_queue_bytes", ""),
                ("ipc_kafka_broker_connections", "broker=\""),
                ("ipc_kafka_broker_waiting_requests", "broker=\""),
                ("ipc_kafka_broker_in_flight_requests", "broker=\""),
                ("ipc_kafka_broker_round_trip_seconds", "figure=\"p99\""),
            ] {
                all &= shows(metrics, name, &[&client, label]);
            }
        }
        Ok(all)
    })
    .await?;

    client.close().await;
    service.stop().await;
    eventually("a closed client's gauges are gone", async || {
        Ok(!shows(&called, "ipc_kafka_queue_records", &["reader"])
            && !shows(&served, "ipc_kafka_queue_records", &["group"]))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_interval_there_are_none() -> Result<()> {
    let stage = Stage::new("silent");
    let metrics = Metrics::new();
    let service = stage
        .service(1)
        .metrics(metrics.clone())
        .serve(Router::new().route("/work", post(|| async {})))
        .start()
        .await?;
    let client = stage.client().await?;
    let (status, _) = call(&client, stage.post("/work", "")).await?;
    assert_eq!(status, StatusCode::OK);
    let text = metrics.render();
    let silent = !text.contains("ipc_kafka_") && !text.contains("ipc_partition_lag_records");
    assert!(silent, "{text}");
    service.stop().await;
    client.close().await;
    Ok(())
}
