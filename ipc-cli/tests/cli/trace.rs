//! `ipc trace`: what became of one message.

use anyhow::{Result, ensure};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use harness::{Log, Raw, Stage, Topic};

use super::command::{found, json, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_found_wherever_it_has_been() -> Result<()> {
    let stage = Stage::new("trace");
    let app = Router::new()
        .route("/good", post(async || "done"))
        .route("/bad", post(async || StatusCode::BAD_GATEWAY));
    let service = stage.service(2).serve(app).start().await?;
    let log = Log::of(stage.bootstrap())?;
    let replies = stage.replies();
    Topic::make(stage.bootstrap(), &replies, 1).await?;
    let call = Raw::post("/good", "tea").answered_to(replies.as_str(), "good-call");
    log.write(&stage.requests(), call).await?;
    let failing = Raw::post("/bad", "milk").header("kafka_correlationId", "bad-note");
    log.write(&stage.requests(), failing).await?;
    log.read(&replies, |all| !all.is_empty()).await?;
    log.read(&stage.dead_letters(), |all| !all.is_empty())
        .await?;

    let trace = |id| ["trace", id, "--service", stage.name()];
    let answered = text(&stage, 0, &trace("good-call")).await?;
    found(
        &answered,
        &["call sent POST /good", "answered 200", "answered with 200"],
    )?;
    let given_up = json(&stage, 0, &trace("bad-note")).await?;
    ensure!(
        given_up[0]["whereabouts"] == "dead-lettered",
        "{given_up:?}"
    );

    text(&stage, 0, &["dlq", "drop", stage.name(), "--all"]).await?;
    let dropped = text(&stage, 0, &trace("bad-note")).await?;
    found(
        &dropped,
        &[
            "one-way sent POST /bad",
            "given up: server-error",
            "dropped",
        ],
    )?;
    let unknown = text(&stage, 2, &trace("nobody")).await?;
    found(&unknown, &["\"nobody\"", "--since"])?;
    service.stop().await;
    Ok(())
}
