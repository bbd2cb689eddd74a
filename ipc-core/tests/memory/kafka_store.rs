//! The dedup store in the log, as it moves from owner to owner.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::post;
use http::Request;
use http_body_util::BodyExt as _;
use ipc_core::dispatch::{Idempotency, Policy};
use ipc_core::envelope::{Envelope, Headers};
use ipc_core::service::{Service, ServiceBuilder};
use ipc_core::store::{
    Claim, ClaimRequest, DedupStore, Effects, Fingerprint, FinishError, KafkaStore, Place,
    StoredReply, WorkId,
};
use ipc_core::testing::store::{self, Fixture};
use ipc_core::transport::Transport;
use tower::ServiceExt as _;

use super::system::{System, TestResult};

fn place(assignment: u64) -> Place {
    Place {
        topic: Arc::from("orders.requests"),
        partition: 0,
        assignment,
    }
}

/// A store of an instance of its own.
fn store(system: &System) -> Arc<dyn DedupStore> {
    let store = KafkaStore::new();
    let transport: Arc<dyn Transport> = system.transport();
    store.attach(&transport);
    Arc::new(store)
}

fn request(key: &'static str, assignment: u64) -> ClaimRequest {
    let id = WorkId {
        scope: Arc::from("orders POST /work"),
        key: Bytes::from_static(key.as_bytes()),
    };
    let mut request = ClaimRequest::new(id, Fingerprint::of(&[]), "orders/1");
    request.place = Some(place(assignment));
    request
}

#[tokio::test(start_paused = true)]
async fn the_store_in_the_log_conforms() -> TestResult {
    let system = System::new();
    system.topic("orders.dedup", 1).await?;
    // The owner of the partition is the one who asks.
    let owner = store(&system);
    let connect = move || {
        let owner = owner.clone();
        async { owner }
    };
    store::run(Fixture::new("run", connect).without_leases().at(place(1))).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_next_owner_knows_what_was_stored_and_fences_off_the_one_before() -> TestResult {
    let system = System::new();
    system.topic("orders.dedup", 1).await?;
    let (first, second) = (store(&system), store(&system));
    let reply = StoredReply::new(201, Vec::new(), "placed");
    let Claim::Granted(done) = first.claim(&request("done", 1)).await? else {
        return Err("the first is not granted".into());
    };
    done.finish(&reply, Effects::Keep).await?;
    let Claim::Granted(open) = first.claim(&request("open", 1)).await? else {
        return Err("the second is not granted".into());
    };

    let Claim::Done(stored) = second.claim(&request("done", 1)).await? else {
        return Err("the next owner does not know the reply".into());
    };
    assert_eq!(stored, reply);
    let Claim::Granted(again) = second.claim(&request("open", 1)).await? else {
        return Err("the next owner is not granted what was open".into());
    };
    assert!(again.fence() > open.fence());
    drop(again);

    // The partition comes back: what was claimed before counts no more.
    let Claim::Granted(_anew) = first.claim(&request("other", 2)).await? else {
        return Err("the first owner is not granted anything again".into());
    };
    let late = open.finish(&reply, Effects::Keep).await;
    assert!(matches!(late, Err(FinishError::Fenced)), "{late:?}");
    let stale = first.claim(&request("done", 1)).await;
    assert!(!matches!(stale, Ok(Claim::Granted(_))), "{stale:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_lost_the_partition_and_does_not_know_finds_what_the_next_has_stored()
-> TestResult {
    let system = System::new();
    system.topic("orders.dedup", 1).await?;
    let (first, second) = (store(&system), store(&system));
    let Claim::Granted(open) = first.claim(&request("open", 1)).await? else {
        return Err("the first owner is not granted anything".into());
    };
    let Claim::Granted(done) = second.claim(&request("done", 1)).await? else {
        return Err("the next owner is not granted anything".into());
    };
    let reply = StoredReply::new(201, Vec::new(), "placed");
    done.finish(&reply, Effects::Keep).await?;
    // On the test's clock: until everybody has read what there is.
    tokio::time::sleep(Duration::from_millis(1)).await;

    let found = first.claim(&request("done", 1)).await?;
    assert!(matches!(found, Claim::Done(_)), "{found:?}");
    // What it has begun it may end, and the other goes on as well.
    let running = first.claim(&request("open", 1)).await?;
    assert!(matches!(running, Claim::Running { .. }), "{running:?}");
    open.finish(&reply, Effects::Keep).await?;
    let found = second.claim(&request("open", 1)).await?;
    assert!(matches!(found, Claim::Done(_)), "{found:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn of_a_reply_that_does_not_fit_the_log_it_is_known_that_it_was_there() -> TestResult {
    let system = System::new();
    system.topic("orders.dedup", 1).await?;
    let store = store(&system);
    let Claim::Granted(claimed) = store.claim(&request("k", 1)).await? else {
        return Err("not granted".into());
    };
    let length = 2 * 1024 * 1024;
    let large = StoredReply::new(200, Vec::new(), vec![0; length]);
    claimed.finish(&large, Effects::Keep).await?;
    let Claim::Done(stored) = store.claim(&request("k", 1)).await? else {
        return Err("not done".into());
    };
    assert_eq!(stored, StoredReply::too_large(200, Some(length as u64)));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_others_write_to_the_topic_is_passed_over() -> TestResult {
    let system = System::new();
    system.topic("orders.dedup", 1).await?;
    for (key, payload) in [(None, None), (Some("owner"), Some("x")), (Some("k"), None)] {
        let bytes = |text: &'static str| Bytes::from_static(text.as_bytes());
        let garbage = Envelope {
            headers: Headers::new(),
            key: key.map(bytes),
            payload: payload.map(bytes),
        };
        system.send("orders.dedup", garbage).await?;
    }
    let claim = store(&system).claim(&request("k", 1)).await?;
    assert!(matches!(claim, Claim::Granted(_)), "{claim:?}");
    Ok(())
}

fn counting(
    builder: ServiceBuilder,
    runs: &Arc<AtomicUsize>,
) -> impl Future<Output = TestResult<Service>> {
    let runs = Arc::clone(runs);
    let handler = async move || format!("run {}", runs.fetch_add(1, Ordering::Relaxed) + 1);
    let app = Router::new().route("/work", post(handler));
    let mut policy = Policy::new("POST /work");
    policy.idempotency = Idempotency::Required;
    let service = builder
        .default_policy(policy)
        .dedup(KafkaStore::new())
        .serve(app);
    async { Ok(service.start().await?) }
}

#[tokio::test(start_paused = true)]
async fn a_repetition_after_a_restart_is_answered_from_the_log() -> TestResult {
    let system = System::new();
    let runs = Arc::default();
    let client = system.client("web").await?;
    let mut bodies = Vec::new();
    for _ in 0..2 {
        let service = counting(system.service("orders"), &runs).await?;
        let request = Request::post("http://orders/work").header("idempotency-key", "k");
        let response = client
            .clone()
            .oneshot(request.body(Body::from("tea"))?)
            .await?;
        bodies.push(response.into_body().collect().await?.to_bytes());
        service.stop().await;
    }
    assert_eq!(bodies, ["run 1", "run 1"]);
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    client.close().await;
    Ok(())
}
