//! Records that no handler can work on, of every kind, among those that others can.

use std::{future::pending, time::Duration};

use anyhow::{Context as _, Result, ensure};
use axum::{Json, Router, http::StatusCode, routing::post};
use harness::{Log, Raw, Stage};
use ipc_core::dispatch::{Limits, Policy};

use super::{Chronicle, Handlers, Load, PARTITIONS, load};

/// How long a handler may take; one that never ends takes so long.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Of each kind.
const RECORDS: usize = 3;

/// A kind of poison: the reason of its dead letter where nobody waits, else the status of the answer.
struct Kind {
    name: &'static str,
    raw: Raw,
    reason: &'static str,
    status: &'static str,
}

fn kinds() -> Vec<Kind> {
    let kind = |name, raw, reason, status| Kind {
        name,
        raw,
        reason,
        status,
    };
    let json = Raw::post("/json", "[1").header("content-type", "application/json");
    // Its dead letter would be larger than what one may send.
    let large = vec![b'x'; 999_700];
    vec![
        kind("no-request", Raw::new(vec![0xff, 0]), "undecodable", "400"),
        kind("nothing", Raw::default(), "undecodable", "400"),
        kind("no-json", json, "client-error", "400"),
        kind(
            "no-text",
            Raw::new("")
                .header(":method", "POST")
                .header(":path", vec![b'/', 0xff]),
            "undecodable",
            "400",
        ),
        kind(
            "two-paths",
            Raw::post("/work", "").header(":path", "/work"),
            "undecodable",
            "400",
        ),
        kind(
            "no-deadline",
            Raw::post("/work", "").header("ipc-deadline", "soon"),
            "undecodable",
            "400",
        ),
        kind(
            "expired",
            Raw::post("/work", "").header("ipc-deadline", "1"),
            "expired",
            "504",
        ),
        kind(
            "no-route",
            Raw::post("/nowhere", ""),
            "unknown-endpoint",
            "404",
        ),
        kind("panics", Raw::post("/panic", ""), "panic", "500"),
        kind("oversize", Raw::post("/panic", large), "panic", "500"),
        kind("endless", Raw::post("/endless", ""), "timeout", "504"),
    ]
}

async fn panics() -> StatusCode {
    panic!("a panic that a test asks for")
}

fn poisonable() -> Router {
    Router::new()
        .route("/panic", post(panics))
        .route("/endless", post(pending::<StatusCode>))
        .route("/json", post(|Json(_): Json<[u32; 3]>| async {}))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_of_every_kind_ends_where_it_belongs_and_nobody_else_notices() -> Result<()> {
    let stage = Stage::new("poison");
    let chronicle = Chronicle::begin();
    let mut limits = Limits::default();
    limits.unknown_endpoint_grace = Duration::from_secs(1);
    let mut policy = Policy::new("poison");
    policy.timeout = TIMEOUT;
    let app = load::app(Handlers {
        instance: 1,
        chronicle: chronicle.clone(),
    });
    let service = stage
        .service(PARTITIONS)
        .limits(limits)
        .default_policy(policy);
    let service = service.serve(app.merge(poisonable())).start().await?;
    let client = stage.client().await?;
    let load = Load::start(&stage, &client, &chronicle);
    chronicle.goes_on(Load::CALLERS).await?;

    let log = Log::of(stage.bootstrap())?;
    let mut sent = Vec::new();
    for round in 0..RECORDS {
        for kind in kinds() {
            let id = format!("{}-{round}", kind.name);
            let one_way = kind.raw.clone().key(id.clone());
            chronicle.poisoned(log.write(&stage.requests(), one_way).await?);
            let call = kind
                .raw
                .clone()
                .key(id.clone())
                .answered_to(stage.replies(), &id);
            log.write(&stage.requests(), call).await?;
            sent.push((id, kind));
        }
    }
    chronicle.goes_on(Load::CALLERS).await?;
    load.finish().await?;
    chronicle.judge(&stage).await?;

    let letters = log.all(&stage.dead_letters()).await?;
    let replies = log.all(&stage.replies()).await?;
    ensure!(
        letters.len() == sent.len(),
        "{} dead letters",
        letters.len()
    );
    for (id, kind) in &sent {
        let letter = letters
            .iter()
            .find(|it| it.key.as_deref() == Some(id.as_bytes()));
        let letter = letter.with_context(|| format!("{id} has no dead letter"))?;
        let told = letter.text("ipc-dlq-reason");
        ensure!(
            told == Some(kind.reason),
            "{id} is a dead letter for {told:?}"
        );
        let cut = letter.text("ipc-dlq-cut");
        ensure!(
            cut.is_some() == (kind.name == "oversize"),
            "{id} is cut: {cut:?}"
        );
        let mut answers = replies
            .iter()
            .filter(|it| it.text("kafka_correlationId") == Some(id));
        let answer = answers
            .next()
            .with_context(|| format!("{id} has no answer"))?;
        let status = answer.text(":status");
        ensure!(status == Some(kind.status), "{id} was answered {status:?}");
        ensure!(answers.next().is_none(), "{id} was answered twice");
    }
    client.close().await;
    service.stop().await;
    Ok(())
}
