//! The worker beside processes that are not Rust, against a real Kafka.

mod process;

use anyhow::{Context as _, Result, ensure};
use axum::body::Body;
use harness::{Stage, eventually, keyed, within};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use ipc_core::client::Client;
use ipc_core::http::Reserved;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use process::{Process, Worker};

const LANGUAGES: [[&str; 2]; 2] = [["node", "orders.mjs"], ["python3", "orders.py"]];

async fn ask(client: &Client, request: Request<Body>) -> Result<(StatusCode, String)> {
    let answer = within("the answer", client.clone().oneshot(request)).await??;
    let status = answer.status();
    let body = within("the body", answer.into_body().collect()).await??;
    Ok((status, String::from_utf8(body.to_bytes().to_vec())?))
}

async fn shipped_by(client: &Client, stage: &Stage, id: u32) -> Result<Value> {
    let (status, body) = ask(client, stage.get(&format!("/orders/{id}"))).await?;
    ensure!(status == StatusCode::OK, "{status}: {body}");
    let body: Value = serde_json::from_str(&body)?;
    Ok(body["shippedBy"].clone())
}

async fn sent(client: &Client, stage: &Stage, path: &str) -> Result<()> {
    let request = keyed(stage.post(path, "{}"), "7");
    let sent = client.http_one_way(request, Reserved::Refuse);
    within("the acknowledgement", sent).await??;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_in_any_language_answers_calls_streams_and_one_ways() -> Result<()> {
    for [program, file] in LANGUAGES {
        let stage = Stage::new("worker");
        let process = Process::start(program, file, 0).await?;
        let worker = Worker::start(&stage, process.port()).await?;
        let client = stage.client().await?;

        let place = stage.post("/orders/7/place", json!({ "count": 2 }).to_string());
        let (status, body) = ask(&client, place).await?;
        assert_eq!(status, StatusCode::CREATED, "{program}: {body}");
        let placed: Value = serde_json::from_str(&body)?;
        assert_eq!((&placed["id"], &placed["count"]), (&json!("7"), &json!(2)));
        let id = placed["request"].as_str().context("no request id")?;
        assert!(uuid::Uuid::parse_str(id).is_ok(), "{id}");

        let (status, _) = ask(&client, stage.get("/nowhere")).await?;
        assert_eq!(status, StatusCode::NOT_FOUND);
        let (status, body) = ask(&client, stage.get("/orders/7/events")).await?;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(body, "data: placed\n\ndata: packed\n\ndata: shipped\n\n");

        // It fails at first, and is tried again.
        sent(&client, &stage, "/orders/7/ship").await?;
        eventually("the second attempt ships", async || {
            Ok(shipped_by(&client, &stage, 7).await? == json!(2))
        })
        .await?;

        client.close().await;
        assert!(worker.stop().await?.success(), "it drains and ends well");
        process.kill().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_its_process_is_away_calls_are_told_so_and_one_ways_wait() -> Result<()> {
    let [program, file] = LANGUAGES[1];
    let stage = Stage::new("worker-away");
    let process = Process::start(program, file, 0).await?;
    let port = process.port();
    let worker = Worker::start(&stage, port).await?;
    let client = stage.client().await?;
    assert_eq!(shipped_by(&client, &stage, 8).await?, Value::Null);
    process.kill().await?;

    let answer = within("the answer", client.clone().oneshot(stage.get("/orders/8"))).await??;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["retry-after"], "1");
    sent(&client, &stage, "/orders/8/ship").await?;

    // Nothing is lost: it is done once the process is back.
    let process = Process::start(program, file, port).await?;
    eventually("it is shipped", async || {
        Ok(shipped_by(&client, &stage, 8).await? == json!(2))
    })
    .await?;

    client.close().await;
    assert!(worker.stop().await?.success());
    process.kill().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_work_is_said_and_ends_the_worker() -> Result<()> {
    let stage = Stage::new("worker-wrong");
    for (args, told) in [
        (&["--upstream", "127.0.0.1:3000"][..], "http://host:port"),
        (&["--upstream", "http://127.0.0.1:1"], &stage.requests()),
        (
            &["--upstream", "http://127.0.0.1:1", "--backoff", "10s..1s"],
            "100ms..10s",
        ),
    ] {
        let args = [&["--service", stage.name()], args].concat();
        let said = Worker::refused(&stage, &args).await?;
        assert!(said.contains(told), "{args:?}: {said}");
    }
    Ok(())
}
