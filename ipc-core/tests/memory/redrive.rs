//! Dead letters go back, once each and in order.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use futures_util::TryStreamExt as _;
use ipc_core::envelope::{Envelope, Headers, names};
use ipc_core::redrive::{DeadLetters, Filter, Refusal, State};
use ipc_core::transport::memory::MemoryTransport;
use ipc_core::transport::{Transport as _, TransportError};
use tokio_util::sync::CancellationToken;

use super::system::{System, TestResult};

const DLQ: &str = "orders.dlq";
const REQUESTS: &str = "orders.requests";

/// Both topics, and nobody who serves.
async fn abandoned() -> TestResult<System> {
    let system = System::new();
    system.topic(DLQ, 3).await?;
    system.topic(REQUESTS, 4).await?;
    Ok(system)
}

fn letter(key: &str, number: u32) -> Envelope {
    let mut headers = Headers::new();
    headers.push_static(names::METHOD, "POST");
    headers.push(names::PATH, format!("/orders/{key}/place"));
    headers.push_static(names::IDEMPOTENCY_KEY, format!("{key}-{number}"));
    headers.push_static(names::DEADLINE, "1");
    headers.push_static(names::DLT_ORIGINAL_TOPIC, REQUESTS);
    headers.push_static(names::DLQ_REASON, "panic");
    Envelope {
        headers,
        key: Some(Bytes::copy_from_slice(key.as_bytes())),
        payload: Some(number.to_string().into()),
    }
}

/// `count` letters of each of `keys` keys, mixed.
async fn give_up(system: &System, keys: u32, count: u32) -> TestResult {
    for number in 0..count {
        for key in 0..keys {
            system.send(DLQ, letter(&format!("k{key}"), number)).await?;
        }
    }
    Ok(())
}

async fn letters(system: &System) -> Result<DeadLetters, TransportError> {
    opened(system.transport()).await
}

async fn opened(transport: Arc<MemoryTransport>) -> Result<DeadLetters, TransportError> {
    DeadLetters::open(transport, DLQ).await
}

/// What a topic holds, as numbers by key in the order of the log.
async fn sent(
    system: &System,
    topic: &str,
    partitions: i32,
) -> TestResult<BTreeMap<String, Vec<u32>>> {
    let mut by_key: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    let mut watch = system.watch(topic, partitions).await?;
    let count: i64 = ends(system, topic, partitions).await?.iter().sum();
    for _ in 0..count {
        let Envelope { key, payload, .. } = watch.next().await?.envelope;
        let key = String::from_utf8(key.unwrap_or_default().into())?;
        let number = String::from_utf8(payload.unwrap_or_default().into())?;
        by_key.entry(key).or_default().push(number.parse()?);
    }
    Ok(by_key)
}

/// Where each partition ends.
async fn ends(system: &System, topic: &str, partitions: i32) -> TestResult<Vec<i64>> {
    let transport = system.transport();
    let names = [Arc::from(topic)];
    let state = transport
        .topics(&names)
        .await?
        .remove(0)
        .ok_or("no such topic")?;
    assert_eq!(state.partitions, partitions);
    let all = ipc_core::envelope::UnixMillis(0);
    let written = transport.written_since(&state, all).await?;
    Ok(written.into_iter().map(|count| count as i64).collect())
}

fn in_order(keys: u32, count: u32) -> BTreeMap<String, Vec<u32>> {
    let all = || (0..count).collect();
    (0..keys).map(|key| (format!("k{key}"), all())).collect()
}

#[tokio::test(start_paused = true)]
async fn letters_of_a_key_go_back_in_the_order_in_which_they_were_given_up() -> TestResult {
    let system = abandoned().await?;
    give_up(&system, 7, 150).await?;
    let report = letters(&system).await?.redrive(Filter::new()).run().await?;
    assert_eq!((report.selected, report.settled()), (7 * 150, 7 * 150));
    assert_eq!(sent(&system, REQUESTS, 4).await?, in_order(7, 150));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_second_run_finds_nothing_and_writes_nothing() -> TestResult {
    let system = abandoned().await?;
    give_up(&system, 2, 5).await?;
    let letters = letters(&system).await?;
    letters.redrive(Filter::new()).run().await?;
    let before = ends(&system, DLQ, 3).await?;
    let report = letters.redrive(Filter::new()).run().await?;
    assert_eq!(report.selected, 0);
    assert_eq!(ends(&system, DLQ, 3).await?, before);
    assert_eq!(sent(&system, REQUESTS, 4).await?, in_order(2, 5));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_reports_the_same_and_touches_nothing() -> TestResult {
    let system = abandoned().await?;
    give_up(&system, 3, 10).await?;
    let mut cut = letter("k0", 10);
    cut.headers.push_static(names::DLQ_CUT, "payload");
    system.send(DLQ, cut).await?;
    let letters = letters(&system).await?;
    let before = ends(&system, DLQ, 3).await?;
    let mut dry = letters.redrive(Filter::new()).dry_run(true).run().await?;
    assert_eq!(ends(&system, DLQ, 3).await?, before);
    assert_eq!(ends(&system, REQUESTS, 4).await?, [0; 4]);

    let wet = letters.redrive(Filter::new()).run().await?;
    dry.dry_run = false;
    assert_eq!(dry, wet);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_stopped_goes_on_where_it_was() -> TestResult {
    let system = abandoned().await?;
    give_up(&system, 3, 100).await?;
    let letters = letters(&system).await?;
    let stop = CancellationToken::new();
    let asked = stop.clone();
    let run = letters.redrive(Filter::new()).until(stop);
    let stopped = run
        .watch(move |report| {
            if report.done() >= 90 {
                asked.cancel();
            }
        })
        .run()
        .await?;
    assert!(stopped.stopped);
    assert!((90..300).contains(&stopped.settled()), "{stopped:?}");

    let rest = letters.redrive(Filter::new()).run().await?;
    assert!(!rest.stopped);
    assert_eq!(stopped.settled() + rest.settled(), 300);
    assert_eq!(sent(&system, REQUESTS, 4).await?, in_order(3, 100));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_killed_repeats_what_it_had_not_marked_and_loses_nothing() -> TestResult {
    const MARKED_TOGETHER: usize = 100;
    let system = abandoned().await?;
    give_up(&system, 3, 200).await?;
    let transport = system.transport();
    let seen = Arc::new(AtomicU64::new(0));
    let (dying, counted) = (Arc::clone(&transport), Arc::clone(&seen));
    let run = opened(transport).await?.redrive(Filter::new());
    let killed = run.watch(move |_| {
        if counted.fetch_add(1, Ordering::Relaxed) == 250 {
            dying.kill();
        }
    });
    let error = killed.run().await.unwrap_err();
    assert!(error.report.settled() < 600, "{error:?}");

    letters(&system).await?.redrive(Filter::new()).run().await?;
    let sent = sent(&system, REQUESTS, 4).await?;
    let mut repeated = 0;
    for numbers in sent.values() {
        let mut once = numbers.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once, Vec::from_iter(0..200));
        repeated += numbers.len() - once.len();
    }
    assert!(repeated <= MARKED_TOGETHER, "{repeated} repeated");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn two_runs_at_once_send_nothing_twice() -> TestResult {
    let system = abandoned().await?;
    give_up(&system, 9, 60).await?;
    let (one, other) = (letters(&system).await?, letters(&system).await?);
    let slowly = NonZeroU32::new(200).ok_or("zero")?;
    let (one, other) = tokio::join!(
        one.redrive(Filter::new()).rate(slowly).run(),
        other.redrive(Filter::new()).rate(slowly).run(),
    );
    let both = one?.settled() + other?.settled();
    assert_eq!(both, 9 * 60);
    assert_eq!(sent(&system, REQUESTS, 4).await?, in_order(9, 60));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn no_more_are_sent_in_a_second_than_the_rate_allows() -> TestResult {
    let system = abandoned().await?;
    give_up(&system, 1, 50).await?;
    let rate = NonZeroU32::new(10).ok_or("zero")?;
    let run = letters(&system).await?.redrive(Filter::new()).rate(rate);
    run.run().await?;
    let mut watch = system.watch(REQUESTS, 4).await?;
    let mut times = Vec::new();
    for _ in 0..50 {
        let at = watch
            .next()
            .await?
            .origin
            .timestamp
            .millis()
            .ok_or("no time")?;
        times.push(at);
    }
    for (earlier, later) in times.iter().zip(&times[10..]) {
        let between = later.since(*earlier).as_millis();
        assert!(between >= 980, "ten within {between} ms");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_filter_leaves_the_others_open() -> TestResult {
    let system = abandoned().await?;
    give_up(&system, 3, 4).await?;
    let letters = letters(&system).await?;
    let report = letters.redrive(Filter::new().key("k1")).run().await?;
    assert_eq!(report.settled(), 4);
    let dropped = letters.drop_letters(Filter::new().key("k2")).run().await?;
    assert_eq!((dropped.action, dropped.settled()), (State::Dropped, 4));

    let mut states = BTreeMap::new();
    let mut listed = letters.list(Filter::new().states([])).await?;
    while let Some(letter) = listed.try_next().await? {
        let key = letter.envelope().key.clone().unwrap_or_default();
        *states.entry((key, letter.state())).or_insert(0) += 1;
    }
    let of = |key: &'static str, state| ((Bytes::from_static(key.as_bytes()), state), 4);
    let expected = [
        of("k0", State::Open),
        of("k1", State::Redriven),
        of("k2", State::Dropped),
    ];
    assert_eq!(states, BTreeMap::from(expected));
    assert_eq!(letters.list(Filter::new()).await?.count(), 4);

    let mended = Filter::new().states([State::Dropped]);
    assert_eq!(letters.redrive(mended).run().await?.settled(), 4);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_cannot_go_back_is_refused_and_named_and_the_rest_goes() -> TestResult {
    let system = abandoned().await?;
    let with = |number, name: &'static str, value: &'static str| {
        let mut envelope = letter("k0", number);
        envelope.headers.push_static(name, value);
        envelope
    };
    system.send(DLQ, letter("k0", 0)).await?;
    let bad = [
        with(1, names::DLQ_CUT, "payload"),
        with(2, names::REDACTED, "authorization"),
        with(3, names::DLQ_REPLAYS, "3"),
        with(4, names::DLT_ORIGINAL_TOPIC, "gone.requests"),
    ];
    for envelope in bad {
        system.send(DLQ, envelope).await?;
    }
    let mut stray = letter("k0", 5);
    stray.headers.remove(names::DLT_ORIGINAL_TOPIC);
    system.send(DLQ, stray).await?;

    let letters = letters(&system).await?;
    let report = letters.redrive(Filter::new()).run().await?;
    assert_eq!(report.settled(), 1);
    let kinds: Vec<_> = report.refused.iter().map(|it| it.why.kind()).collect();
    assert_eq!(
        kinds,
        ["cut", "redacted", "too-often", "no-topic", "no-origin"]
    );
    let topic = "gone.requests".to_owned();
    assert_eq!(report.refused[3].why, Refusal::NoTopic { topic });

    let all = letters.redrive(Filter::new()).allow_redacted(true);
    let report = all.max_replays(4).run().await?;
    assert_eq!(report.settled(), 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_fails_again_is_left_to_the_next_run_and_not_for_ever() -> TestResult {
    let system = System::new();
    let app = Router::new().route("/work", post(async || StatusCode::BAD_GATEWAY));
    let service = system.service("orders").serve(app).start().await?;
    let mut request = letter("k0", 0);
    request.headers = Headers::new();
    request.headers.push_static(names::METHOD, "POST");
    request.headers.push_static(names::PATH, "/work");
    system.send(REQUESTS, request).await?;

    let mut watch = system.watch(DLQ, 1).await?;
    let letters = letters(&system).await?;
    for replays in 0..=3 {
        let died = loop {
            let record = watch.next().await?;
            if !record.envelope.headers.contains(names::DLQ_SETTLED) {
                break record;
            }
        };
        let told = died.envelope.headers.get_str(names::DLQ_REPLAYS);
        let expected = (replays > 0).then(|| replays.to_string());
        assert_eq!(told, expected.as_deref());
        let report = letters.redrive(Filter::new()).run().await?;
        assert_eq!(report.selected, 1);
        assert_eq!(report.settled(), u64::from(replays < 3));
    }
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_writes_the_headers_of_a_mark_decides_nothing() -> TestResult {
    let system = abandoned().await?;
    give_up(&system, 1, 2).await?;
    let mut hostile = letter("k0", 2);
    hostile.headers.push_static(names::DLQ_SETTLED, "dropped");
    hostile.headers.push_static(names::DLQ_OFFSETS, "0-2");
    system.send(DLQ, hostile).await?;
    let letters = letters(&system).await?;
    assert_eq!(letters.list(Filter::new()).await?.count(), 3);
    letters.redrive(Filter::new()).run().await?;
    assert_eq!(sent(&system, REQUESTS, 4).await?, in_order(1, 3));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_is_not_there_is_named() -> TestResult {
    let system = System::new();
    let error = DeadLetters::open(system.transport(), "nobody.dlq")
        .await
        .unwrap_err();
    assert!(error.is_missing_topic());
    assert!(error.to_string().contains("nobody.dlq"), "{error}");
    Ok(())
}
