//! Attempts that are repeated from retry topics.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Bytes;
use axum::response::{IntoResponse as _, Response};
use axum::{Router, routing::post};
use http::StatusCode;
use ipc_core::dispatch::{Idempotency, RetryPolicy, RetrySpec};
use ipc_core::envelope::{Envelope, Headers, names};
use ipc_core::service::Service;
use ipc_core::store::{
    Claim, ClaimRequest, DedupStore, MemoryStore, StoreDecorator, StoreError, WorkId,
};
use ipc_core::transport::TopicSpec;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::super::system::{System, TestResult};
use super::{Run, Stage, pauses, policy};

const FIRST: Duration = Duration::from_secs(1);
const SECOND: Duration = Duration::from_secs(2);
/// How much later than it is due a record may be handled.
const LATE: Duration = Duration::from_millis(500);
const SPEC: RetrySpec = RetrySpec::attempts(3)
    .backoff(FIRST, SECOND)
    .policy(RetryPolicy::Tiers);
const FIRST_TIER: &str = "orders.retry.1s";
const SECOND_TIER: &str = "orders.retry.2s";

/// Fails whatever begins so, twice.
fn flaky(body: &str, attempt: u32) -> Response {
    match (body.starts_with("flaky"), attempt) {
        (true, 1 | 2) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        _ => StatusCode::NO_CONTENT.into_response(),
    }
}

fn runs_of(runs: &[Run], body: &str) -> Vec<Run> {
    let runs = runs.iter().filter(|run| run.body == body);
    runs.cloned().collect()
}

fn number(headers: &Headers, name: &str) -> TestResult<u64> {
    let text = headers.get_str(name).ok_or_else(|| format!("no {name}"))?;
    Ok(text.parse()?)
}

/// Sends a record of its own key that fails twice; answers its body.
async fn send_flaky(stage: &Stage, nth: usize) -> TestResult<&'static str> {
    let body: &'static str = format!("flaky {nth}").leak();
    stage.send(body, body).await?;
    Ok(body)
}

#[tokio::test(start_paused = true)]
async fn a_failed_record_waits_in_the_topic_of_its_delay_and_those_behind_overtake_it() -> TestResult
{
    let mut stage = Stage::asking(SPEC, flaky).await?;
    let mut first = stage.system.watch(FIRST_TIER, 1).await?;
    let mut second = stage.system.watch(SECOND_TIER, 1).await?;
    stage.send("lane", "flaky").await?;
    stage.send("lane", "behind").await?;
    assert_eq!(stage.next().await?, "behind");
    assert_eq!(stage.next().await?, "flaky");

    let mut failed = Vec::new();
    for (tier, attempt, delay) in [(&mut first, "2", FIRST), (&mut second, "3", SECOND)] {
        let waited = tier.next().await?.envelope;
        assert_eq!(waited.key.as_deref(), Some(&b"lane"[..]));
        assert_eq!(waited.payload.as_deref(), Some(&b"flaky"[..]));
        let headers = &waited.headers;
        let expected = [
            (names::ATTEMPT, attempt),
            (names::RETRY_TOPIC, "orders.requests"),
            (names::RETRY_PARTITION, "0"),
            (names::RETRY_OFFSET, "0"),
        ];
        for (name, value) in expected {
            let all: Vec<_> = headers.get_all(name).flatten().collect();
            assert_eq!(all, [value.as_bytes()], "{name}");
        }
        failed.push(number(headers, names::RETRY_FIRST_FAILED)?);
        let due = number(headers, names::RETRY_DUE)?;
        assert!(due >= failed[0] + delay.as_millis() as u64, "{headers:?}");
        assert!(tier.is_empty(), "written twice");
    }
    assert_eq!(failed[0], failed[1]);

    let system = stage.system.clone();
    let ended = stage.end().await;
    let runs = runs_of(&ended.runs, "flaky");
    let attempts: Vec<u32> = runs.iter().map(|run| run.attempt).collect();
    assert_eq!(attempts, [1, 2, 3]);
    for (pause, delay) in pauses(&runs).into_iter().zip([FIRST, SECOND]) {
        assert!(
            delay <= pause && pause < delay + LATE,
            "{pause:?} of {delay:?}"
        );
    }
    assert_eq!(ended.outcomes("failed_retry"), 2);
    assert_eq!(ended.outcomes("done"), 2);
    assert_eq!(ended.committed, Some(2));
    for tier in [FIRST_TIER, SECOND_TIER] {
        assert_eq!(system.committed_in("orders", tier, 0), Some(1), "{tier}");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn every_record_waits_its_own_time_however_many_there_are() -> TestResult {
    const RECORDS: usize = 30;
    let mut stage = Stage::asking(SPEC, flaky).await?;
    let mut bodies = Vec::new();
    for nth in 0..RECORDS {
        bodies.push(send_flaky(&stage, nth).await?);
        tokio::time::sleep(FIRST / 20).await;
    }
    stage.all(RECORDS).await?;
    let runs = stage.end().await.runs;
    for body in bodies {
        for (pause, delay) in pauses(&runs_of(&runs, body))
            .into_iter()
            .zip([FIRST, SECOND])
        {
            assert!(
                delay <= pause && pause < delay + LATE,
                "{body}: {pause:?} of {delay:?}"
            );
        }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn after_the_last_attempt_a_dead_letter_names_the_place_the_record_came_from() -> TestResult {
    let stage = Stage::asking(SPEC, |_, _| {
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    })
    .await?;
    let mut letters = stage.system.watch("orders.dlq", 1).await?;
    let mut tier = stage.system.watch(SECOND_TIER, 1).await?;
    stage.send("key", "work").await?;
    let letter = letters.next().await?.envelope.headers;
    let waited = tier.next().await?.envelope.headers;
    assert_eq!(letter.get_str(names::DLQ_ATTEMPTS), Some("3"));
    assert_eq!(
        letter.get_str(names::DLT_ORIGINAL_TOPIC),
        Some("orders.requests")
    );
    let offset = letter.get(names::DLT_ORIGINAL_OFFSET);
    assert_eq!(
        offset.map(|offset| &offset[..]),
        Some(&0_i64.to_be_bytes()[..])
    );
    assert_eq!(
        number(&letter, names::DLQ_FIRST_FAILED)?,
        number(&waited, names::RETRY_FIRST_FAILED)?
    );
    let of_the_tier: Vec<_> = letter
        .iter()
        .map(|header| &*header.name)
        .filter(|name| name.starts_with("ipc-retry-"))
        .collect();
    assert_eq!(of_the_tier, [""; 0]);
    stage.end().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_record_that_waits_is_the_next_instance_s_to_handle_with_its_attempts() -> TestResult {
    let stage = Stage::asking(SPEC, flaky).await?;
    let mut tier = stage.system.watch(FIRST_TIER, 1).await?;
    stage.send("key", "flaky").await?;
    tier.next().await?;
    let mut stage = stage.handed_over().await?;
    assert_eq!(stage.next().await?, "flaky");
    let runs = stage.end().await.runs;
    let attempts: Vec<u32> = runs.iter().map(|run| run.attempt).collect();
    assert_eq!(attempts, [1, 2, 3]);
    assert!(tier.is_empty(), "written again");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn handovers_in_order_while_records_wait_lose_none_and_repeat_none() -> TestResult {
    const RECORDS: usize = 10;
    let mut stage = Stage::asking(SPEC, flaky).await?;
    let mut bodies = Vec::new();
    for nth in 0..RECORDS {
        bodies.push(send_flaky(&stage, nth).await?);
        tokio::time::sleep(FIRST / 3).await;
        stage = stage.handed_over().await?;
    }
    stage.all(RECORDS).await?;
    let ended = stage.end().await;
    for body in bodies {
        let runs = runs_of(&ended.runs, body);
        let attempts: Vec<u32> = runs.iter().map(|run| run.attempt).collect();
        assert_eq!(attempts, [1, 2, 3], "{body}");
    }
    assert_eq!(ended.committed, Some(RECORDS as i64));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_record_too_large_for_its_retry_topic_waits_in_its_lane() -> TestResult {
    let system = System::new();
    for tier in [FIRST_TIER, SECOND_TIER] {
        let small = TopicSpec::new(tier, 1).with("max.message.bytes", 600);
        system.topic_like(small).await?;
    }
    let set_up = |service: ipc_core::service::ServiceBuilder| service.default_policy(policy(SPEC));
    let mut stage = Stage::on(system, set_up, flaky).await?;
    let large: &'static str = format!("flaky {}", "x".repeat(600)).leak();
    stage.send("lane", large).await?;
    stage.send("lane", "behind").await?;
    assert_eq!(stage.next().await?, large);
    assert_eq!(stage.next().await?, "behind");
    let ended = stage.end().await;
    assert_eq!(runs_of(&ended.runs, large).len(), 3);
    assert_eq!(ended.committed, Some(2));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_call_is_repeated_in_place_whatever_the_policy() -> TestResult {
    let stage = Stage::asking(SPEC, |_, attempt| match attempt {
        1 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        _ => StatusCode::OK.into_response(),
    })
    .await?;
    let tier = stage.system.watch(FIRST_TIER, 1).await?;
    assert_eq!(stage.call().await?, StatusCode::OK);
    assert_eq!(stage.end().await.runs.len(), 2);
    assert!(tier.is_empty(), "a call waits in a topic");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_record_that_somebody_else_wrote_to_a_retry_topic_is_handled_at_once() -> TestResult {
    let mut stage = Stage::asking(SPEC, flaky).await?;
    let mut headers = Headers::new();
    headers.push_static(names::METHOD, "POST");
    headers.push_static(names::PATH, "/work");
    let sent = Instant::now();
    let envelope = Envelope {
        headers,
        key: None,
        payload: Some(Bytes::from_static(b"foreign")),
    };
    stage.system.send(FIRST_TIER, envelope).await?;
    assert_eq!(stage.next().await?, "foreign");
    assert!(sent.elapsed() < FIRST, "{:?}", sent.elapsed());
    stage.end().await;
    Ok(())
}

/// A store that notes what is claimed.
#[derive(Clone, Debug)]
struct Noting {
    store: Arc<MemoryStore>,
    claimed: Arc<Mutex<Vec<WorkId>>>,
}

#[async_trait]
impl StoreDecorator for Noting {
    fn inner(&self) -> &dyn DedupStore {
        &*self.store
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        self.claimed.lock().push(request.id.clone());
        self.store.claim(request).await
    }
}

#[tokio::test(start_paused = true)]
async fn every_attempt_claims_the_work_of_the_record_that_was_sent() -> TestResult {
    let noting = Noting {
        store: Arc::new(MemoryStore::new(100)),
        claimed: Arc::default(),
    };
    let claimed = Arc::clone(&noting.claimed);
    let set_up = move |service: ipc_core::service::ServiceBuilder| {
        let mut policy = policy(SPEC);
        policy.idempotency = Idempotency::Derived;
        service.default_policy(policy).dedup(noting.clone())
    };
    let mut stage = Stage::with(set_up, flaky).await?;
    stage.send("key", "flaky").await?;
    assert_eq!(stage.next().await?, "flaky");
    stage.end().await;
    let claimed = claimed.lock();
    assert_eq!(claimed.len(), 3);
    assert!(claimed.iter().all(|id| *id == claimed[0]), "{claimed:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn retry_topics_are_planned_and_those_that_are_missing_are_told_at_the_start() -> TestResult {
    let system = System::new();
    let service = || {
        Service::builder("orders")
            .transport(system.transport())
            .retry(SPEC)
            .serve(Router::new().route("/work", post(async || ())))
    };
    let commands = service()
        .topology()?
        .to_commands("kafka:9092", "User:orders");
    let Err(missing) = service().start().await else {
        return Err("it started".into());
    };
    let missing = missing.to_string();
    for topic in ["orders.requests", FIRST_TIER, SECOND_TIER] {
        assert!(commands.contains(topic), "{commands}");
        assert!(missing.contains(topic), "{missing}");
    }
    Ok(())
}
