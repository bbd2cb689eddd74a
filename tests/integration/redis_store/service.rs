//! A service whose replies are kept in Redis.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context as _, Result, ensure};
use axum::{Router, body::Body, http::StatusCode, routing::post};
use harness::{PrivateRedis, Stage, call};
use http::{HeaderValue, Request};
use ipc_core::{
    client::Client,
    dispatch::{Idempotency, Policy},
    service::ServiceBuilder,
    store::RedisStore,
};

use super::patient;

fn instance(stage: &Stage, store: RedisStore) -> ServiceBuilder {
    let mut policy = Policy::new("POST /work");
    policy.idempotency = Idempotency::Required;
    stage.service(2).default_policy(policy).dedup(store)
}

fn keyed(stage: &Stage) -> Request<Body> {
    let mut request = stage.post("/work", "tea");
    let key = HeaderValue::from_static("order-7");
    request.headers_mut().insert("idempotency-key", key);
    request
}

async fn answered(client: &Client, stage: &Stage) -> Result<String> {
    let (status, body) = call(client, keyed(stage)).await?;
    ensure!(status == StatusCode::OK, "{status}: {body:?}");
    Ok(String::from_utf8(body.to_vec())?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_instance_answers_what_one_that_has_gone_has_stored() -> Result<()> {
    let stage = Stage::new("stored");
    let runs = Arc::new(AtomicUsize::new(0));
    let handler = {
        let runs = Arc::clone(&runs);
        async move || format!("run {}", runs.fetch_add(1, Ordering::Relaxed) + 1)
    };
    let app = Router::new().route("/work", post(handler));
    let client = stage.client().await?;

    let first = instance(&stage, patient(&harness::redis()));
    let first = first.serve(app.clone()).start().await?;
    assert_eq!(answered(&client, &stage).await?, "run 1");
    first.stop().await;

    let second = instance(&stage, patient(&harness::redis()));
    let second = second.serve(app).start().await?;
    assert_eq!(answered(&client, &stage).await?, "run 1");
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    second.stop().await;
    client.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_does_not_start_on_a_server_that_throws_keys_away() -> Result<()> {
    let redis = PrivateRedis::start(&["--maxmemory-policy", "volatile-ttl"]).await?;
    let stage = Stage::new("evicting");
    let service = instance(&stage, patient(&redis.url()));
    let started = service.serve(Router::new()).start().await;
    let error = started.err().context("it started")?.to_string();
    assert!(error.contains("maxmemory-policy noeviction"), "{error}");
    Ok(())
}
