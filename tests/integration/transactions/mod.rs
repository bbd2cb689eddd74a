//! Exactly-once endpoints: outputs and offsets in one transaction.

mod broken;
mod killed;
mod unknown;
mod walk;

use anyhow::{Context, Result};
use axum::{Router, http::StatusCode, routing::post};
use harness::{Log, Raw, Stage, Topic, Written};
use ipc_core::{
    dispatch::{Guarantee, Policy},
    extract::Outputs,
    service::ServiceBuilder,
};
use uuid::Uuid;

/// An exactly-once service: every endpoint without a contract is.
fn exactly_once(service: ServiceBuilder) -> ServiceBuilder {
    let mut policy = Policy::new("exactly once");
    policy.guarantee = Guarantee::ExactlyOnce;
    service.default_policy(policy)
}

/// `POST /work` writes what it is told to the topic of outputs; `POST /fail` does and then answers 500.
fn application(outputs: &Topic) -> Router {
    let copy = {
        let topic = outputs.name().to_owned();
        async move |out: Outputs, body: String| {
            let sent = out.send(&*topic, None, body.clone());
            sent.map(|()| body).map_err(|_| StatusCode::GONE)
        }
    };
    let fail = {
        let copy = copy.clone();
        async move |out: Outputs, body: String| {
            let _ = copy(out, body).await;
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    Router::new()
        .route("/work", post(copy))
        .route("/fail", post(fail))
}

/// All committed outputs, in no order.
async fn committed_outputs(stage: &Stage, outputs: &Topic) -> Result<Vec<String>> {
    let log = Log::of(stage.bootstrap())?;
    let partitions = log.ends(outputs.name()).await?.len();
    let end = format!("end {}", Uuid::new_v4());
    for partition in 0..i32::try_from(partitions)? {
        log.write(outputs.name(), Raw::new(&*end).on(partition))
            .await?;
    }
    let is_end = |record: &&Written| record.payload == end.as_bytes();
    let all = log
        .read(outputs.name(), |seen| {
            seen.iter().filter(is_end).count() == partitions
        })
        .await?;
    let payloads = all
        .into_iter()
        .filter(|record| !record.payload.starts_with(b"end "));
    payloads
        .map(|record| String::from_utf8(record.payload).context("no text"))
        .collect()
}
