//! What became of a record is looked at when something waits for it, and else a little
//! later.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use futures_util::future::try_join_all;
use http::Request;
use ipc_core::client::Client;
use ipc_core::dispatch::Limits;
use tokio::time::{Instant, sleep, timeout};
use tower::ServiceExt as _;

use super::system::{System, TestResult, keyed};

const CALLS: usize = 20;
/// What the first of them leaves behind is looked at in any case.
const ROUNDS: usize = 4;
/// As long as nobody has to wait: less than one collection of what nobody waits for.
const SOON: Duration = Duration::from_millis(40);

/// Calls that are made at once.
async fn calls(client: &Client, key: Option<&'static str>) -> TestResult {
    let call = |_| {
        let request = Request::post("http://orders/work").body(Body::empty());
        let client = client.clone();
        async move {
            let request = match key {
                Some(key) => keyed(request?, key),
                None => request?,
            };
            TestResult::Ok(client.oneshot(request).await?)
        }
    };
    try_join_all((0..CALLS).map(call)).await?;
    Ok(())
}

/// How long some rounds of them take, by the paused clock.
async fn calls_take(limits: Limits, key: Option<&'static str>) -> TestResult<Duration> {
    let system = System::new();
    let app = Router::new().route("/work", post(async || ()));
    let service = system.service("orders").limits(limits).serve(app);
    let service = service.start().await?;
    let client = system.client("web").await?;
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        calls(&client, key).await?;
    }
    let took = begun.elapsed();
    client.close().await;
    service.stop().await;
    Ok(took)
}

#[tokio::test(start_paused = true)]
async fn a_record_that_waits_in_its_lane_waits_for_the_one_before_it_only() -> TestResult {
    let took = calls_take(Limits::default(), Some("key")).await?;
    assert!(took < SOON, "{took:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_record_that_waits_for_a_permit_has_it_as_soon_as_it_is_given_back() -> TestResult {
    let mut of_the_instance = Limits::default();
    of_the_instance.concurrency = 1;
    let mut of_the_partition = Limits::default();
    of_the_partition.per_partition = Some(1);
    for limits in [of_the_instance, of_the_partition] {
        let took = calls_take(limits, None).await?;
        assert!(took < SOON, "{took:?}");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_is_paused_goes_on_as_soon_as_its_window_has_room() -> TestResult {
    let mut limits = Limits::default();
    limits.window = 1;
    let took = calls_take(limits, None).await?;
    assert!(took < SOON, "{took:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn offsets_that_nothing_waits_for_are_committed_without_another_record() -> TestResult {
    let system = System::new();
    let (service, client) = system.working(async || ()).await?;
    // The first are taken at once, the others are collected.
    calls(&client, None).await?;
    calls(&client, None).await?;
    let all = Some(2 * CALLS as i64);
    timeout(Duration::from_secs(3), async {
        while system.committed("orders", 0) != all {
            sleep(Duration::from_millis(100)).await;
        }
    })
    .await?;
    client.close().await;
    service.stop().await;
    Ok(())
}
