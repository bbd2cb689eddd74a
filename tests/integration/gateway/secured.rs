//! On a cluster that asks who it is.

use std::{io::Write as _, path::Path};

use anyhow::{Context as _, Result, ensure};
use axum::{Router, routing::post};
use harness::{ADMIN, SecuredBroker, Stage, within};
use http::StatusCode;
use tempfile::NamedTempFile;

use super::front::{Front, body};

/// Over SCRAM and TLS, with the password that stands in a file.
fn settings(stage: &Stage, broker: &SecuredBroker, password: &Path) -> String {
    format!(
        "reply_partitions = 1\n\
         kafka.security.protocol = \"sasl_ssl\"\n\
         kafka.ssl.ca.pem = \"\"\"{}\"\"\"\n\
         kafka.sasl.mechanism = \"SCRAM-SHA-512\"\n\
         kafka.sasl.username = \"{}\"\n\
         kafka.sasl.password = \"${{file:{}}}\"\n\
         [[routes]]\n\
         path = \"/work\"\n\
         service = \"{}\"\n",
        broker.authority(),
        ADMIN.name,
        password.display(),
        stage.name(),
    )
}

fn written(password: &str) -> Result<NamedTempFile> {
    let mut file = NamedTempFile::new()?;
    file.write_all(password.as_bytes())?;
    Ok(file)
}

fn stage(broker: &SecuredBroker) -> Result<Stage> {
    let config = broker.sasl_tls()?.set("sasl.mechanism", "SCRAM-SHA-512");
    let config = config.set("sasl.username", ADMIN.name);
    let config = config.set("sasl.password", ADMIN.password);
    Ok(Stage::reached_by(config, "secured-gateway"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_goes_over_scram_and_tls_and_comes_back() -> Result<()> {
    let broker = SecuredBroker::shared().await?;
    let stage = stage(broker)?;
    let app = Router::new().route("/work", post(|text: String| async move { text }));
    let service = stage.service(1).serve(app).start().await?;
    let password = written(ADMIN.password)?;
    let front = Front::start(&stage, &settings(&stage, broker, password.path())).await?;

    let answer = within("the answer", front.post("/work", "tea")).await??;

    ensure!(answer.status() == StatusCode::OK, "{}", answer.status());
    assert_eq!(body(answer).await?, "tea");
    front.stop().await?;
    service.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_ends_the_start_and_is_not_repeated() -> Result<()> {
    let broker = SecuredBroker::shared().await?;
    let password = written("hush-hush")?;
    let stage = stage(broker)?;
    let settings = settings(&stage, broker, password.path());

    let started = within("the end of the start", Front::start(&stage, &settings)).await?;

    let told = format!("{:#}", started.err().context("it started")?);
    ensure!(told.contains("SCRAM-SHA-512"), "{told}");
    ensure!(told.contains(ADMIN.name), "{told}");
    ensure!(!told.contains("hush-hush"), "{told}");
    Ok(())
}
