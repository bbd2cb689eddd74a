//! What became of a message, as its records tell it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use ipc_core::dispatch::{RetryPolicy, RetrySpec};
use ipc_core::envelope::{Envelope, Headers, UnixMillis, names};
use ipc_core::journey::{Journey, Search, What, Whereabouts};
use ipc_core::redrive::{DeadLetters, Filter, State};
use tokio::sync::Notify;

use super::system::{System, TestResult};

const REQUESTS: &str = "orders.requests";

fn request(id: &'static str, path: &'static str) -> Envelope {
    let mut headers = Headers::new();
    headers.push_static(names::CORRELATION_ID, id);
    headers.push_static(names::METHOD, "POST");
    headers.push_static(names::PATH, path);
    Envelope {
        headers,
        ..Envelope::default()
    }
}

async fn journey(system: &System, id: &str) -> TestResult<Journey> {
    let search = Search::new("orders", id).since(UnixMillis(0));
    Ok(search.run(&*system.transport()).await?)
}

/// What happened, in words.
fn told(journey: &Journey) -> Vec<String> {
    let steps = journey.steps.iter();
    steps.map(|step| step.what.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_call_was_sent_and_answered() -> TestResult {
    let system = System::new();
    let app = Router::new().route("/work", post(async || StatusCode::CREATED));
    let service = system.service("orders").serve(app).start().await?;
    system.topic("web.replies", 2).await?;
    let mut call = request("call", "/work");
    call.headers.push_static(names::REPLY_TOPIC, "web.replies");
    system.send(REQUESTS, call).await?;
    system.send(REQUESTS, request("other", "/work")).await?;
    system.watch("web.replies", 2).await?.next().await?;

    let journey = journey(&system, "call").await?;
    assert_eq!(told(&journey), ["call sent POST /work", "answered 201"]);
    assert_eq!(journey.whereabouts, Whereabouts::Answered { status: 201 });
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_message_waits_while_nobody_serves_and_is_finished_afterwards() -> TestResult {
    let system = System::new();
    let handled = Arc::new(Notify::new());
    let tell = Arc::clone(&handled);
    let app = Router::new().route("/work", post(async move || tell.notify_one()));
    let serve = || system.service("orders").serve(app.clone());
    serve().start().await?.stop().await;
    system.send(REQUESTS, request("note", "/work")).await?;
    let waiting = journey(&system, "note").await?;
    assert!(
        matches!(&waiting.whereabouts, Whereabouts::Underway { topic, .. } if **topic == *REQUESTS),
        "{waiting:?}"
    );

    let service = serve().start().await?;
    handled.notified().await;
    service.stop().await;
    let done = journey(&system, "note").await?;
    assert_eq!(done.whereabouts, Whereabouts::Finished);
    assert_eq!(told(&done), ["one-way sent POST /work"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_followed_back_to_its_topic() -> TestResult {
    let system = System::new();
    let app = Router::new().route("/work", post(async || StatusCode::BAD_GATEWAY));
    let service = system.service("orders").serve(app).start().await?;
    system.send(REQUESTS, request("note", "/work")).await?;
    let mut letters = system.watch("orders.dlq", 1).await?;
    letters.next().await?;
    let given_up = journey(&system, "note").await?;
    assert!(
        matches!(
            given_up.whereabouts,
            Whereabouts::DeadLettered {
                state: State::Open,
                ..
            }
        ),
        "{given_up:?}"
    );

    let dlq = DeadLetters::open(system.transport(), "orders.dlq").await?;
    dlq.redrive(Filter::new()).run().await?;
    // The mark, and the letter of the second failure.
    letters.next().await?;
    letters.next().await?;
    dlq.drop_letters(Filter::new()).run().await?;
    let dropped = journey(&system, "note").await?;
    let told = told(&dropped);
    let count = |what: &str| told.iter().filter(|it| it.contains(what)).count();
    assert_eq!(count("given up: server-error"), 2, "{told:?}");
    assert_eq!(count("one-way sent back POST /work"), 1, "{told:?}");
    let settled = dropped.steps.iter().filter_map(|step| match step.what {
        What::Settled { state, .. } => Some(state),
        _ => None,
    });
    assert_eq!(Vec::from_iter(settled), [State::Redriven, State::Dropped]);
    assert!(
        matches!(
            dropped.whereabouts,
            Whereabouts::DeadLettered {
                state: State::Dropped,
                ..
            }
        ),
        "{dropped:?}"
    );
    assert!(matches!(
        dropped.steps[0].what,
        What::Request { replays: 0, .. }
    ));
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_parked_message_is_followed_until_it_is_done_with() -> TestResult {
    let system = System::new();
    let mended = Arc::new(AtomicBool::new(false));
    let is_well = Arc::clone(&mended);
    let app = Router::new().route(
        "/work",
        post(async move || match is_well.load(Ordering::Relaxed) {
            true => StatusCode::NO_CONTENT,
            false => StatusCode::BAD_GATEWAY,
        }),
    );
    let minute = Duration::from_secs(60);
    let retry = RetrySpec::attempts(3).backoff(minute, minute);
    let builder = system
        .service("orders")
        .retry(retry.policy(RetryPolicy::KeyParked));
    let service = builder.serve(app).start().await?;
    let mut note = request("note", "/work");
    note.key = Some("7".into());
    let mut entries = system.watch("orders.parked", 3).await?;
    system.send(REQUESTS, note).await?;
    let entry = loop {
        let entry = entries.next().await?;
        if entry.envelope.headers.contains(names::RETRY_DUE) {
            break entry;
        }
    };
    let parked = journey(&system, "note").await?;
    let Whereabouts::Parked {
        topic,
        place,
        attempt,
        ..
    } = &parked.whereabouts
    else {
        return Err(format!("not parked: {parked:?}").into());
    };
    assert_eq!((&**topic, *attempt), ("orders.parked", 2));
    assert_eq!(place.offset, entry.origin.offset);

    mended.store(true, Ordering::Relaxed);
    while entries.next().await?.envelope.payload.is_some() {}
    let done = journey(&system, "note").await?;
    assert_eq!(done.whereabouts, Whereabouts::Finished);
    assert_eq!(
        told(&done),
        [
            "one-way sent POST /work",
            "parked with its key, before attempt 2",
            "parked no longer: done with"
        ]
    );
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_message_that_nobody_knows_is_nowhere() -> TestResult {
    let system = System::new();
    let missing = journey(&system, "nobody").await.unwrap_err().to_string();
    assert!(missing.contains(REQUESTS), "{missing}");
    system.topic(REQUESTS, 1).await?;
    let unknown = journey(&system, "nobody").await?;
    assert_eq!(unknown.whereabouts, Whereabouts::Unknown);
    Ok(())
}
