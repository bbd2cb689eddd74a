//! Requests that speak for a client.

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use anyhow::{Context as _, Result, ensure};
use axum::{Router, routing::post};
use harness::{Stage, eventually, within};
use http::StatusCode;
use ipc_core::{
    contract::RetrySpec,
    extract::Principal,
    principal::VerifyingKeys,
    redrive::{DeadLetters, Filter, Refusal},
    transport::{Transport, kafka::KafkaTransport},
};
use ipc_http_shim::config::KeyHash;
use tempfile::NamedTempFile;
use tokio::sync::mpsc;

use super::front::Front;

const KEY: &str = "ipc_0123456789abcdef0123456789abcdef0123456789a";
const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// As often as a request is tried before it is given up.
const ATTEMPTS: u32 = 2;

fn settings(stage: &Stage, secret: &NamedTempFile) -> String {
    format!(
        "reply_partitions = 1\n\
         [auth.sign]\n\
         id = \"2026-a\"\n\
         hmac = \"${{file:{}}}\"\n\
         [[auth.api_keys]]\n\
         name = \"batch\"\n\
         sha256 = \"{}\"\n\
         [[routes]]\n\
         path = \"/work\"\n\
         service = \"{}\"\n\
         mode = \"one_way\"\n\
         auth = \"api_key\"\n",
        secret.path().display(),
        KeyHash::of(KEY.as_bytes()),
        stage.name(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_tried_again_speaks_for_its_client_and_what_is_sent_back_only_where_that_is_said()
-> Result<()> {
    let stage = Stage::new("principals");
    let (heard, mut told) = mpsc::channel(8);
    let tried = Arc::new(AtomicU32::new(0));
    let work = async move |principal: Principal| {
        heard.send(principal.subject).await.expect("it is heard");
        match tried.fetch_add(1, Ordering::Relaxed) {
            0..ATTEMPTS => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::OK,
        }
    };
    let service = stage
        .service(1)
        .principals(VerifyingKeys::new().hmac("2026-a", SECRET.as_bytes())?)
        .retry(RetrySpec::attempts(ATTEMPTS))
        .serve(Router::new().route("/work", post(work)))
        .start()
        .await?;
    let mut secret = NamedTempFile::new()?;
    secret.write_all(SECRET.as_bytes())?;
    let front = Front::start(&stage, &settings(&stage, &secret)).await?;

    let nobody = front.post("/work", "tea").await?;
    ensure!(nobody.status() == StatusCode::UNAUTHORIZED);
    let accepted = front.post_with_key("/work", KEY, "tea").await?;
    ensure!(accepted.status() == StatusCode::ACCEPTED);
    for _ in 0..ATTEMPTS {
        let subject = within("an attempt", told.recv()).await?;
        ensure!(subject.as_deref() == Some("batch"));
    }

    let transport: Arc<dyn Transport> = Arc::new(KafkaTransport::connect(stage.config()).await?);
    let letters = DeadLetters::open(transport, &stage.dead_letters()).await?;
    eventually("it is given up, and not sent back", async || {
        let report = letters.redrive(Filter::new()).run().await?;
        let refused = report.refused.first();
        Ok(refused.is_some_and(|refused| matches!(refused.why, Refusal::Principal)))
    })
    .await?;
    let trusting = letters.redrive(Filter::new()).trust_principals(true);
    let report = trusting.run().await?;
    ensure!(report.refused.is_empty(), "{report:?}");
    let subject = within("the one that is sent back", told.recv()).await?;
    let subject = subject.context("the handler is gone")?;
    ensure!(subject == "batch", "{subject}");

    front.stop().await?;
    service.stop().await;
    Ok(())
}
