//! What readiness tells of a service at work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::routing::post;
use http::Request;
use ipc_core::client::Client;
use ipc_core::dispatch::Limits;
use ipc_core::health::{Health, Role, Verdict};
use ipc_core::http::Reserved;
use ipc_core::transport::memory::{Faults, Fetch, Produce};
use ipc_core::transport::{Outgoing, TopicPartition};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::silent::Silent;
use super::system::{System, TestResult, keyed};

fn ready(health: &Health) -> Verdict {
    let now = Instant::now();
    health.facts(now).readiness(now)
}

/// Waits, for an hour of the paused clock at most, until readiness is as wanted.
async fn until(health: &Health, wanted: impl Fn(&Verdict) -> bool) -> TestResult<Verdict> {
    let looking = async {
        loop {
            let verdict = ready(health);
            if wanted(&verdict) {
                return verdict;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let hour = Duration::from_secs(60 * 60);
    let found = tokio::time::timeout(hour, looking).await;
    found.map_err(|_| format!("it stayed at {:?}", ready(health)).into())
}

async fn send(client: &Client) -> TestResult {
    let request = Request::post("http://orders/work").body(Body::empty())?;
    let sending = client.http_one_way(keyed(request, "key"), Reserved::Refuse);
    sending.await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_paused_partition_is_told_while_it_is_paused_and_leaves_the_service_ready() -> TestResult
{
    let system = System::new();
    let gate = Arc::new(Semaphore::new(0));
    let work = {
        let gate = Arc::clone(&gate);
        async move || match gate.acquire().await {
            Ok(permit) => {
                permit.forget();
                StatusCode::OK
            }
            Err(_) => StatusCode::GONE,
        }
    };
    let mut limits = Limits::default();
    limits.window = 2;
    let health = Health::new();
    let service = system
        .service("orders")
        .limits(limits)
        .health(health.clone())
        .serve(Router::new().route("/work", post(work)))
        .start()
        .await?;
    let client = system.client("web").await?;
    for _ in 0..2 {
        send(&client).await?;
    }

    let paused = until(&health, |verdict| !verdict.warnings().is_empty()).await?;
    assert!(paused.is_ok(), "{paused:?}");
    let [warning] = paused.warnings() else {
        return Err(format!("{paused:?}").into());
    };
    assert!(warning.starts_with("orders.requests["), "{warning}");
    assert!(
        warning.ends_with("] is paused: its window is full"),
        "{warning}"
    );

    gate.add_permits(2);
    let resumed = until(&health, |verdict| verdict.warnings().is_empty()).await?;
    assert!(resumed.is_ok(), "{resumed:?}");
    client.close().await;
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_service_that_has_nothing_to_do_stays_ready_and_alive() -> TestResult {
    let system = System::new();
    let service = system
        .service("orders")
        .serve(Router::new())
        .start()
        .await?;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let now = Instant::now();
    let facts = service.health().facts(now);
    assert!(facts.liveness(now).is_ok(), "{:?}", facts.liveness(now));
    assert!(facts.readiness(now).is_ok(), "{:?}", facts.readiness(now));
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_silent_broker_ends_readiness_within_five_seconds_and_its_return_restores_it()
-> TestResult {
    let system = System::new();
    let broker = Silent::new(system.transport());
    let service = system
        .service("orders")
        .transport(broker.clone())
        .serve(Router::new())
        .start()
        .await?;
    let health = service.health();
    // Wherever between two presence records it happens.
    for millis in [1, 250, 500, 750, 999] {
        until(health, Verdict::is_ok).await?;
        tokio::time::sleep(Duration::from_millis(10_000 + millis)).await;
        assert!(ready(health).is_ok(), "{:?}", ready(health));

        let lost = Instant::now();
        broker.fall_silent();
        let told = until(health, |verdict| !verdict.is_ok()).await?;
        let took = lost.elapsed();
        let [reason] = told.reasons() else {
            return Err(format!("{told:?}").into());
        };
        assert!(
            reason.starts_with("consumer of orders.requests: no broker for ")
                && reason.ends_with(": presence records are not acknowledged"),
            "{reason}"
        );
        assert!(took <= Duration::from_secs(5), "{took:?}: {reason}");
        broker.answer_again();
    }
    service.stop().await;
    Ok(())
}

/// Reads of one topic bring nothing while it is deaf.
struct Deaf {
    topic: &'static str,
    deaf: Arc<AtomicBool>,
}

impl Faults for Deaf {
    fn produce(&mut self, _: &Outgoing, _: i32) -> Produce {
        Produce::Acknowledge
    }

    fn fetch(&mut self, partition: &TopicPartition, _: i64) -> Fetch {
        if *partition.topic == *self.topic && self.deaf.load(Ordering::Relaxed) {
            Fetch::Retry(Duration::from_millis(100))
        } else {
            Fetch::Deliver
        }
    }
}

/// Readiness while the inbox of a client with this role hears nothing, and the
/// moment after it hears again.
async fn while_deaf(role: Role) -> TestResult<(Verdict, Duration)> {
    let system = System::new();
    let deaf = Arc::new(AtomicBool::new(false));
    system.set_faults(Deaf {
        topic: "orders.replies",
        deaf: Arc::clone(&deaf),
    });
    let health = Health::new();
    let service = system
        .service("orders")
        .health(health.clone())
        .serve(Router::new())
        .start()
        .await?;
    let client = system
        .client_builder("orders")
        .health(health.clone(), role)
        .connect(system.transport())
        .await?;
    let before = until(&health, Verdict::is_ok).await?;
    assert!(before.warnings().is_empty(), "{before:?}");

    let begun = Instant::now();
    deaf.store(true, Ordering::Relaxed);
    let told = until(&health, |verdict| !verdict.warnings().is_empty()).await?;
    let took = begun.elapsed();
    deaf.store(false, Ordering::Relaxed);
    until(&health, |verdict| verdict.warnings().is_empty()).await?;

    deaf.store(true, Ordering::Relaxed);
    client.close().await;
    let closed = ready(&health);
    assert!(closed.is_ok() && closed.warnings().is_empty(), "{closed:?}");
    service.stop().await;
    Ok((told, took))
}

#[tokio::test(start_paused = true)]
async fn a_deaf_inbox_of_a_services_client_is_a_warning_within_five_seconds() -> TestResult {
    // A consumer that serves keeps the process ready, whatever the client is for.
    for role in [Role::Assists, Role::Serves] {
        let (verdict, took) = while_deaf(role).await?;
        assert!(verdict.is_ok(), "{verdict:?}");
        assert_eq!(
            verdict.warnings(),
            ["reply inbox orders.replies: its last 3 pings did not come back"]
        );
        assert!(took <= Duration::from_secs(5), "{took:?}");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_deaf_inbox_ends_readiness_where_nothing_else_is_served() -> TestResult {
    let system = System::new();
    let deaf = Arc::new(AtomicBool::new(false));
    system.set_faults(Deaf {
        topic: "gateway.replies",
        deaf: Arc::clone(&deaf),
    });
    let health = Health::new();
    let client = system
        .client_builder("gateway")
        .health(health.clone(), Role::Serves)
        .connect(system.transport())
        .await?;
    health.started();
    assert!(ready(&health).is_ok());

    deaf.store(true, Ordering::Relaxed);
    let told = until(&health, |verdict| !verdict.is_ok()).await?;
    assert_eq!(
        told.reasons(),
        ["reply inbox gateway.replies: its last 3 pings did not come back"]
    );
    deaf.store(false, Ordering::Relaxed);
    until(&health, Verdict::is_ok).await?;
    client.close().await;
    Ok(())
}
