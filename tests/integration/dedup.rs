//! Requests that come again, with the store in the log.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use anyhow::Result;
use axum::{Router, body::Body, routing::post};
use harness::{Stage, Topic};
use http::Request;
use http_body_util::BodyExt as _;
use ipc_core::{
    client::Client,
    dispatch::{Idempotency, Policy},
    service::Service,
    store::{DedupStore, KafkaStore, Place},
    testing::store::{self, Fixture},
    transport::{
        TopicSpec, Transport,
        kafka::{KafkaConfig, KafkaTransport},
    },
};
use tower::ServiceExt as _;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_in_the_log_conforms() -> Result<()> {
    let config = KafkaConfig::new(harness::bootstrap());
    let transport: Arc<dyn Transport> = Arc::new(KafkaTransport::connect(config).await?);
    let owner = Topic::unused("dedup");
    let topic = TopicSpec::new(format!("{owner}.dedup"), 1);
    transport.create_topics(&[topic]).await?;
    let kept: Arc<dyn DedupStore> = Arc::new(KafkaStore::new());
    kept.attach(&transport);
    // The owner of the partition is the one who asks.
    let connect = move || {
        let kept = Arc::clone(&kept);
        async { kept }
    };
    let place = Place {
        topic: format!("{owner}.requests").into(),
        partition: 0,
        assignment: 1,
    };
    let fixture = Fixture::new(owner.name(), connect);
    store::run(fixture.without_leases().at(place)).await;
    Ok(())
}

/// An instance that counts how often its handler runs.
async fn instance(stage: &Stage, runs: &Arc<AtomicUsize>) -> Result<Service> {
    let runs = Arc::clone(runs);
    let handler = async move |body: String| {
        let run = runs.fetch_add(1, Ordering::Relaxed) + 1;
        format!("run {run}: {body}")
    };
    let app = Router::new().route("/work", post(handler));
    let mut policy = Policy::new("POST /work");
    policy.idempotency = Idempotency::Required;
    let service = stage
        .service(4)
        .default_policy(policy)
        .dedup(KafkaStore::new());
    Ok(service.serve(app).start().await?)
}

/// Asks for the work of `key`. Answers the reply, and whether it is a stored one.
async fn ask(stage: &Stage, client: &Client, key: usize) -> Result<(String, bool)> {
    let mut request: Request<Body> = stage.post("/work", format!("work {key}"));
    let headers = request.headers_mut();
    headers.insert("idempotency-key", key.to_string().parse()?);
    let response = client.clone().oneshot(request).await?;
    let replayed = response.headers().contains_key("ipc-replayed");
    let body = response.into_body().collect().await?.to_bytes();
    Ok((String::from_utf8(body.to_vec())?, replayed))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_instance_did_others_answer_from_the_log() -> Result<()> {
    const KEYS: usize = 40;
    let stage = Stage::new("dedup");
    let client = stage.client().await?;
    let runs = Arc::default();
    let first = instance(&stage, &runs).await?;
    let mut replies = Vec::new();
    for key in 0..KEYS {
        let (reply, replayed) = ask(&stage, &client, key).await?;
        assert!(!replayed, "{reply}");
        replies.push(reply);
    }

    // Half of the partitions move, and then the rest.
    let second = instance(&stage, &runs).await?;
    for (key, reply) in replies.iter().enumerate() {
        assert_eq!(ask(&stage, &client, key).await?, (reply.clone(), true));
    }
    first.stop().await;
    for (key, reply) in replies.iter().enumerate() {
        assert_eq!(ask(&stage, &client, key).await?, (reply.clone(), true));
    }
    assert_eq!(runs.load(Ordering::Relaxed), KEYS);
    second.stop().await;
    client.close().await;
    Ok(())
}
