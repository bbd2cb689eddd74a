//! `ipc dlq` as the guide "when a message fails" has it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, ensure};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use harness::{Log, Raw, Stage, eventually};
use ipc_core::service::Service;
use parking_lot::Mutex;

use super::command::{found, json, text};

/// What became of the orders that were placed.
#[derive(Clone, Default)]
struct Orders {
    mended: Arc<AtomicBool>,
    placed: Arc<Mutex<Vec<String>>>,
}

async fn place(
    State(orders): State<Orders>,
    Path(id): Path<String>,
    body: String,
) -> Result<(), StatusCode> {
    if !orders.mended.load(Ordering::Relaxed) {
        return Err(StatusCode::BAD_GATEWAY);
    }
    orders.placed.lock().push(format!("{id} {body}"));
    Ok(())
}

async fn serve(stage: &Stage, orders: &Orders) -> Result<Service> {
    let app = Router::new()
        .route("/orders/{id}/place", post(place))
        .with_state(orders.clone());
    Ok(stage.service(2).serve(app).start().await?)
}

/// Four orders of two ids that the service gives up, and something that no route takes.
async fn fail(stage: &Stage, log: &Log) -> Result<()> {
    for (id, body) in [("7", "tea"), ("8", "mugs"), ("7", "milk"), ("7", "cups")] {
        let raw = Raw::post(&format!("/orders/{id}/place?fast=1"), body)
            .key(id)
            .header("idempotency-key", format!("{id}-{body}"))
            .header("ipc-caller", "web/1");
        log.write(&stage.requests(), raw).await?;
    }
    let secret = Raw::post("/orders/9/place", "spoons")
        .key("9")
        .header("authorization", "Bearer s3cret");
    log.write(&stage.requests(), secret).await?;
    log.read(&stage.dead_letters(), |all| all.len() == 5)
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guide_can_be_walked() -> Result<()> {
    let (stage, orders) = (Stage::new("guide"), Orders::default());
    let service = serve(&stage, &orders).await?;
    let log = Log::of(stage.bootstrap())?;
    let name = stage.name();
    fail(&stage, &log).await?;

    let list = text(&stage, 0, &["dlq", "list", name]).await?;
    found(
        &list,
        &[
            "server-error",
            "POST /orders/7/place?fast=1",
            "5 letters",
            "open",
        ],
    )?;
    let endpoint = "POST /orders/{id}/place";
    let of_seven = ["dlq", "list", name, "--key", "7", "--endpoint", endpoint];
    let letters = json(&stage, 0, &of_seven).await?;
    ensure!(letters.len() == 3, "{letters:?}");
    let first = letters[0]["letter"].as_str().context("no place")?;
    let shown = text(&stage, 0, &["dlq", "show", name, "--letter", first]).await?;
    found(
        &shown,
        &["idempotency-key: 7-tea", "tea", &stage.requests()],
    )?;

    let before = log.ends(&stage.dead_letters()).await?;
    let dry = text(&stage, 3, &["dlq", "redrive", name, "--dry-run"]).await?;
    found(
        &dry,
        &[
            "4 of 5 letters would be redriven",
            "is without authorization",
        ],
    )?;
    ensure!(
        log.ends(&stage.dead_letters()).await? == before,
        "a dry run wrote"
    );
    ensure!(
        log.ends(&stage.requests()).await?.iter().sum::<i64>() == 5,
        "a dry run sent"
    );

    orders.mended.store(true, Ordering::Relaxed);
    let redrive = ["dlq", "redrive", name, "--endpoint", endpoint];
    let report = json(&stage, 3, &redrive).await?;
    ensure!(report[0]["settled"] == 4, "{report:?}");
    ensure!(report[0]["refused"][0]["kind"] == "redacted", "{report:?}");
    eventually("the orders are placed", async || {
        Ok(orders.placed.lock().len() == 4)
    })
    .await?;
    let placed = orders.placed.lock().clone();
    let of_seven: Vec<_> = placed.iter().filter(|it| it.starts_with('7')).collect();
    ensure!(of_seven == ["7 tea", "7 milk", "7 cups"], "{placed:?}");

    let all = ["dlq", "redrive", name, "--allow-redacted", "--rate", "100"];
    let report = json(&stage, 0, &all).await?;
    ensure!(report[0]["settled"] == 1, "{report:?}");
    let again = text(&stage, 0, &["dlq", "redrive", name]).await?;
    found(&again, &["0 of 0 letters redriven"])?;
    let settled = json(&stage, 0, &["dlq", "list", name, "--state", "redriven"]).await?;
    ensure!(settled.len() == 5, "{settled:?}");

    let sent = log.all(&stage.requests()).await?;
    let revived: Vec<_> = sent
        .iter()
        .filter(|it| it.text("ipc-dlq-replays") == Some("1"))
        .collect();
    ensure!(revived.len() == 5, "{sent:?}");
    for record in revived {
        for (name, _) in &record.headers {
            let is_spent = name.starts_with("kafka_dlt-") || name == "ipc-caller";
            ensure!(!is_spent, "{name} came along: {record:?}");
        }
    }
    service.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_dropped_is_not_sent_back_and_can_be_found() -> Result<()> {
    let (stage, orders) = (Stage::new("drop"), Orders::default());
    let service = serve(&stage, &orders).await?;
    let log = Log::of(stage.bootstrap())?;
    let name = stage.name();
    fail(&stage, &log).await?;

    let unsaid = text(&stage, 2, &["dlq", "drop", name]).await?;
    found(&unsaid, &["--all"])?;
    let dropped = json(&stage, 0, &["dlq", "drop", name, "--key", "7"]).await?;
    ensure!(dropped[0]["settled"] == 3, "{dropped:?}");
    let open = json(&stage, 0, &["dlq", "list", name]).await?;
    ensure!(open.len() == 2, "{open:?}");
    let dropped = json(&stage, 0, &["dlq", "list", name, "--state", "dropped"]).await?;
    ensure!(dropped.len() == 3, "{dropped:?}");
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_obeyed_is_told_with_its_mend() -> Result<()> {
    let stage = Stage::new("nobody");
    let name = stage.name();
    let missing = text(&stage, 2, &["dlq", "list", name]).await?;
    found(&missing, &[&stage.dead_letters(), "does not exist"])?;

    let nowhere = Stage::on("127.0.0.1:1", "nowhere");
    let unreachable = text(&nowhere, 1, &["dlq", "list", name]).await?;
    found(&unreachable, &["127.0.0.1:1"])?;

    for (flag, value, mend) in [
        ("--since", "yesterday", "2h"),
        ("--endpoint", "orders", "POST /orders/{id}/place"),
        ("--letter", "3", "3:17"),
    ] {
        let wrong = text(&stage, 2, &["dlq", "list", name, flag, value]).await?;
        found(&wrong, &[flag, value, mend])?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reason_that_nobody_gives_is_named_beside_those_that_are() -> Result<()> {
    let (stage, orders) = (Stage::new("reason"), Orders::default());
    let service = serve(&stage, &orders).await?;
    let name = stage.name();
    let wrong = text(&stage, 2, &["dlq", "redrive", name, "--reason", "panics"]).await?;
    found(&wrong, &["\"panics\"", "client-error, expired, panic"])?;
    let none = text(&stage, 0, &["dlq", "redrive", name, "--reason", "panic"]).await?;
    found(&none, &["0 of 0 letters"])?;
    service.stop().await;
    Ok(())
}
