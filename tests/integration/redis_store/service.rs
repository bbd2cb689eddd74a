//! A service whose replies are kept in Redis.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context as _, Result, ensure};
use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::StatusCode,
    routing::post,
};
use harness::{PrivateRedis, Stage, call, eventually, keyed as with_key, metric};
use http::{HeaderValue, Request};
use ipc_core::{
    client::Client,
    dispatch::{Idempotency, Policy},
    http::Reserved,
    prelude::{App, endpoint, endpoints},
    service::ServiceBuilder,
    store::RedisStore,
};
use parking_lot::Mutex;

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

/// Each with a client of its own: one that has heard an instance leave refuses to call until it has heard the next.
async fn answered(stage: &Stage) -> Result<String> {
    let client = stage.client().await?;
    let (status, body) = call(&client, keyed(stage)).await?;
    client.close().await;
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

    let first = instance(&stage, patient(&harness::redis()));
    let first = first.serve(app.clone()).start().await?;
    assert_eq!(answered(&stage).await?, "run 1");
    first.stop().await;

    let second = instance(&stage, patient(&harness::redis()));
    let second = second.serve(app).start().await?;
    assert_eq!(answered(&stage).await?, "run 1");
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    second.stop().await;
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

/// What was handled, in order: key and number.
type Done = Arc<Mutex<Vec<(String, usize)>>>;

#[endpoint(POST "/jobs/{key}", one_way, idempotency = required)]
async fn job(
    State(done): State<Done>,
    Path(key): Path<String>,
    nth: String,
) -> Result<(), StatusCode> {
    let nth = nth.parse().map_err(|_| StatusCode::BAD_REQUEST)?;
    done.lock().push((key, nth));
    Ok(())
}

async fn send(client: &Client, stage: &Stage, numbers: Range<usize>) -> Result<()> {
    for nth in numbers {
        for key in 0..4 {
            let mut request = stage.post(&format!("/jobs/{key}"), nth.to_string());
            let name = HeaderValue::from_str(&format!("{key}-{nth}"))?;
            request.headers_mut().insert("idempotency-key", name);
            let request = with_key(request, key.to_string());
            client.http_one_way(request, Reserved::Refuse).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_are_paused_while_the_server_is_away_and_all_goes_on_when_it_is_back()
-> Result<()> {
    const DURABLE: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];
    let redis = PrivateRedis::start(DURABLE).await?;
    let (stage, done) = (Stage::new("away"), Done::default());
    let app: App = App::new()
        .endpoints(endpoints![job])?
        .with_state(Arc::clone(&done));
    let service = stage.service(2).dedup(patient(&redis.url()));
    let service = service.serve(app).start().await?;
    let client = stage.client().await?;
    send(&client, &stage, 0..3).await?;
    eventually("the first are done", async || Ok(done.lock().len() == 12)).await?;

    redis.kill().await?;
    send(&client, &stage, 3..20).await?;
    let topic = stage.requests();
    let paused = |partition: i32| {
        let series = format!(r#"ipc_partition_paused{{topic="{topic}",partition="{partition}"}}"#);
        metric(service.metrics(), &series)
    };
    let is_paused = async || Ok(paused(0)? == 1.0 && paused(1)? == 1.0);
    eventually("the partitions are paused", is_paused).await?;
    assert_eq!(done.lock().len(), 12);
    let now = tokio::time::Instant::now();
    let warnings = service
        .health()
        .facts(now)
        .readiness(now)
        .warnings()
        .join(", ");
    assert!(warnings.contains("dedup store redis is away"), "{warnings}");

    redis.start_again().await?;
    eventually("all is done", async || Ok(done.lock().len() >= 80)).await?;
    eventually("the partitions are read", async || {
        Ok(paused(0)? == 0.0 && paused(1)? == 0.0)
    })
    .await?;
    service.stop().await;
    client.close().await;
    let whole: Vec<usize> = (0..20).collect();
    for key in 0..4 {
        let done = done.lock();
        let lane = done.iter().filter(|(of, _)| *of == key.to_string());
        let lane: Vec<usize> = lane.map(|(_, nth)| *nth).collect();
        assert_eq!(lane, whole, "key {key}");
    }
    Ok(())
}
