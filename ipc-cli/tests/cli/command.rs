//! Running the command.

use std::process::Output;

use anyhow::{Context as _, Result, ensure};
use harness::Stage;
use serde_json::Value;
use tokio::process::Command;

async fn ipc(stage: &Stage, args: &[&str]) -> Result<Output> {
    let output = Command::new(env!("CARGO_BIN_EXE_ipc"))
        .args(args)
        .env("KAFKA_BOOTSTRAP_SERVERS", stage.bootstrap())
        .output();
    Ok(output.await?)
}

/// The lines of JSON that a command writes, which must end with `code`.
pub(super) async fn json(stage: &Stage, code: i32, args: &[&str]) -> Result<Vec<Value>> {
    let output = ipc(stage, &[args, &["--json"]].concat()).await?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(code), "{args:?}: {errors}");
    let lines = std::str::from_utf8(&output.stdout)?.lines();
    lines
        .map(|line| serde_json::from_str(line).with_context(|| line.to_owned()))
        .collect()
}

/// What a command writes to a terminal, which must end with `code`.
pub(super) async fn text(stage: &Stage, code: i32, args: &[&str]) -> Result<String> {
    let output = ipc(stage, args).await?;
    let errors = String::from_utf8(output.stderr)?;
    ensure!(output.status.code() == Some(code), "{args:?}: {errors}");
    Ok(String::from_utf8(output.stdout)? + &errors)
}

/// Whether all of this stands in a text.
pub(super) fn found(text: &str, parts: &[&str]) -> Result<()> {
    for part in parts {
        ensure!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    Ok(())
}
