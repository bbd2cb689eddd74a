//! Attempts that are repeated in their lane, and calls in place.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse as _;
use axum::routing::post;
use http::{Request, StatusCode};
use ipc_core::dispatch::{Policy, RetrySpec};
use ipc_core::envelope::names;
use ipc_core::extract::Attempt;
use ipc_core::http::Reserved;
use ipc_core::response::FailureExt as _;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::system::{System, TestResult, keyed};
use super::{Answer, Ended, Stage, pauses};

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(4);
const ATTEMPTS: u32 = 5;
const SPEC: RetrySpec = RetrySpec::attempts(ATTEMPTS).backoff(FIRST, LONGEST);

/// What happens where the first attempt of each of so many records fails, each in a lane
/// of its own.
async fn failing_once(retry: RetrySpec, records: usize) -> TestResult<Ended> {
    let mut stage = Stage::asking(retry, |_, attempt| match attempt {
        1 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        _ => StatusCode::NO_CONTENT.into_response(),
    })
    .await?;
    for nth in 0..records {
        let key: &'static str = nth.to_string().leak();
        stage.send(key, "work").await?;
    }
    stage.all(records).await?;
    Ok(stage.end().await)
}

#[tokio::test(start_paused = true)]
async fn a_failed_attempt_is_repeated_with_growing_waits_and_ends_as_a_dead_letter() -> TestResult {
    let stage = Stage::asking(SPEC, |_, _| StatusCode::BAD_GATEWAY.into_response()).await?;
    let mut letters = stage.system.watch("orders.dlq", 1).await?;
    let sent = stage.system.now();
    stage.send("key", "work").await?;
    let letter = letters.next().await?.envelope;

    let header = |name| letter.headers.get_str(name);
    assert_eq!(header(names::DLQ_REASON), Some("server-error"));
    assert_eq!(header(names::DLQ_ATTEMPTS), Some("5"));
    let first_failed: u64 = header(names::DLQ_FIRST_FAILED).ok_or("no time")?.parse()?;
    let failed_after = Duration::from_millis(first_failed - sent.0);
    assert!(failed_after < FIRST, "first failed after {failed_after:?}");
    assert_eq!(letter.payload.as_deref(), Some(&b"work"[..]));

    let ended = stage.end().await;
    assert_eq!(ended.outcomes("failed_retry"), 4);
    assert_eq!(ended.outcomes("dead_letter"), 1);
    let attempts: Vec<u32> = ended.runs.iter().map(|run| run.attempt).collect();
    assert_eq!(attempts, [1, 2, 3, 4, 5]);
    for (pause, wait) in pauses(&ended.runs).into_iter().zip([1, 2, 4, 4]) {
        let wait = Duration::from_secs(wait);
        assert!(
            wait <= pause && pause < wait + FIRST,
            "{pause:?} for {wait:?}"
        );
    }
    assert_eq!(ended.committed, Some(1));
    assert!(letters.is_empty(), "kept twice");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_tried_again_holds_its_lane_and_no_other() -> TestResult {
    let mut stage = Stage::asking(SPEC, |body, attempt| {
        if body == "flaky" && attempt < 3 {
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        } else {
            StatusCode::NO_CONTENT.into_response()
        }
    })
    .await?;
    stage.send("lane", "before").await?;
    stage.send("lane", "flaky").await?;
    stage.send("lane", "behind").await?;
    stage.send("other", "overtakes").await?;
    let mut done = Vec::new();
    for _ in 0..4 {
        done.push(stage.next().await?);
    }
    assert_eq!(done, ["before", "overtakes", "flaky", "behind"]);
    let ended = stage.end().await;
    assert_eq!(ended.outcomes("failed_retry"), 2);
    let flaky = ended.runs.iter().filter(|run| run.body == "flaky");
    assert_eq!(flaky.count(), 3);
    assert_eq!(ended.committed, Some(4));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn more_records_than_may_run_at_once_wait_for_their_next_attempt_beside_each_other()
-> TestResult {
    const RECORDS: usize = 600;
    let runs = failing_once(SPEC, RECORDS).await?.runs;
    let firsts = runs.iter().take_while(|run| run.attempt == 1).count();
    assert_eq!(firsts, RECORDS, "a permit was held by one that waited");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_terminal_failure_and_a_4xx_are_not_repeated() -> TestResult {
    let stage = Stage::asking(SPEC, |body, _| match body {
        "terminal" => StatusCode::INTERNAL_SERVER_ERROR.terminal().into_response(),
        _ => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
    })
    .await?;
    let mut letters = stage.system.watch("orders.dlq", 1).await?;
    for body in ["terminal", "wrong"] {
        stage.send("key", body).await?;
        let letter = letters.next().await?.envelope;
        assert_eq!(letter.headers.get_str(names::DLQ_ATTEMPTS), Some("1"));
    }
    let runs = stage.end().await.runs;
    assert_eq!(runs.len(), 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn waiting_for_not_now_counts_no_attempt() -> TestResult {
    let stage = Stage::asking(SPEC, |_, _| StatusCode::SERVICE_UNAVAILABLE.into_response()).await?;
    stage.send("key", "busy").await?;
    tokio::time::sleep(Duration::from_secs(120)).await;
    let ended = stage.end().await;
    assert_eq!(ended.outcomes("failed_retry"), 0);
    let runs = ended.runs;
    assert!(runs.len() > ATTEMPTS as usize, "{} runs", runs.len());
    assert!(runs.iter().all(|run| run.attempt == 1), "{runs:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_does_not_finish_is_tried_again() -> TestResult {
    let system = System::new();
    let mut policy = Policy::new("orders");
    policy.timeout = Duration::from_millis(300);
    policy.retry = Some(RetrySpec::attempts(2));
    let (done, mut finished) = mpsc::channel(1);
    let handler = move |Attempt(attempt): Attempt| async move {
        if attempt == 1 {
            std::future::pending::<()>().await;
        }
        match done.try_send(attempt) {
            Ok(()) => StatusCode::NO_CONTENT,
            Err(_) => StatusCode::GONE,
        }
    };
    let app = Router::new().route("/work", post(handler));
    let service = system.service("orders").default_policy(policy).serve(app);
    let service = service.start().await?;
    let client = system.client("web").await?;
    let request = Request::post("http://orders/work").body(Body::empty())?;
    client
        .http_one_way(keyed(request, "key"), Reserved::Refuse)
        .await?;
    let attempt = tokio::time::timeout(LONGEST, finished.recv()).await?;
    assert_eq!(attempt, Some(2));
    client.close().await;
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_call_is_repeated_where_its_endpoint_asks_for_it_while_its_caller_waits() -> TestResult {
    let stage = Stage::asking(SPEC, |_, attempt| match attempt {
        1 | 2 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        _ => StatusCode::OK.into_response(),
    })
    .await?;
    assert_eq!(stage.call().await?, StatusCode::OK);
    let runs = stage.end().await.runs;
    assert_eq!(runs.len(), 3);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_time_does_not_suffice_for_another_attempt_is_answered_at_once() -> TestResult
{
    let hour = Duration::from_secs(60 * 60);
    let retry = RetrySpec::attempts(ATTEMPTS).backoff(hour, hour);
    let stage = Stage::asking(retry, |_, _| StatusCode::BAD_GATEWAY.into_response()).await?;
    let asked = Instant::now();
    assert_eq!(stage.call().await?, StatusCode::BAD_GATEWAY);
    assert!(asked.elapsed() < FIRST, "{:?}", asked.elapsed());
    let runs = stage.end().await.runs;
    assert_eq!(runs.len(), 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_service_s_retries_are_for_its_one_ways_and_a_terminal_answer_is_not_repeated()
-> TestResult {
    let answer: Answer = |_, _| StatusCode::INTERNAL_SERVER_ERROR.into_response();
    let stage = Stage::with(|service| service.retry(SPEC), answer).await?;
    assert_eq!(stage.call().await?, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(stage.runs.lock().len(), 1);
    let mut letters = stage.system.watch("orders.dlq", 1).await?;
    stage.send("key", "work").await?;
    letters.next().await?;
    assert_eq!(stage.end().await.runs.len(), 1 + ATTEMPTS as usize);

    let stage = Stage::asking(SPEC, |_, _| {
        StatusCode::INTERNAL_SERVER_ERROR.terminal().into_response()
    })
    .await?;
    assert_eq!(stage.call().await?, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(stage.end().await.runs.len(), 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_call_is_repeated_no_sooner_than_its_answer_asks_for() -> TestResult {
    let stage = Stage::asking(SPEC, |_, attempt| match attempt {
        1 => StatusCode::BAD_GATEWAY
            .retry_after(2 * FIRST)
            .into_response(),
        _ => StatusCode::OK.into_response(),
    })
    .await?;
    assert_eq!(stage.call().await?, StatusCode::OK);
    let runs = stage.end().await.runs;
    let pause = pauses(&runs)[0];
    assert!(2 * FIRST <= pause, "{pause:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn over_its_budget_a_service_waits_as_long_as_it_ever_does() -> TestResult {
    const RECORDS: usize = 400;
    let longest = Duration::from_secs(600);
    let retry = RetrySpec::attempts(2).backoff(Duration::from_millis(1), longest);
    let ended = failing_once(retry, RECORDS).await?;
    let begun = ended.runs[0].at;
    let soon = ended
        .runs
        .iter()
        .filter(|run| run.attempt == 2 && run.at - begun < longest)
        .count();
    let over = ended.counted("ipc_retries_over_budget_total ", "");
    assert_eq!(soon + over as usize, RECORDS);
    // The floor of ten seconds, and a fifth of what was done by then.
    assert!((100..=150).contains(&soon), "{soon} of {RECORDS}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_wait_without_end_holds_its_own_lane_and_nothing_else() -> TestResult {
    let mut stage = Stage::asking(SPEC, |body, _| match body {
        "for ever" => StatusCode::SERVICE_UNAVAILABLE
            .retry_after(Duration::MAX)
            .into_response(),
        _ => StatusCode::NO_CONTENT.into_response(),
    })
    .await?;
    stage.send("lane", "for ever").await?;
    stage.send("other", "work").await?;
    assert_eq!(stage.next().await?, "work");
    stage.end().await;
    Ok(())
}
