//! Records whose key is parked: they wait in a log of their own, in order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use ipc_core::dispatch::{Limits, RetryPolicy, RetrySpec};
use ipc_core::envelope::{Envelope, Headers, names};
use ipc_core::service::ServiceBuilder;
use ipc_core::transport::memory::{Faults, Fetch, MemoryTransport, Produce};
use ipc_core::transport::{Outgoing, TopicPartition, TopicSpec};
use parking_lot::Mutex;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::super::system::{System, TestResult};
use super::{Run, Stage, policy};

const FIRST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(120);
const SPEC: RetrySpec = RetrySpec::attempts(3)
    .backoff(FIRST, LONGEST)
    .policy(RetryPolicy::KeyParked);
const PARKED: &str = "orders.parked";

/// Fails whatever begins so, twice.
fn flaky(body: &str, attempt: u32) -> Response {
    match (body.starts_with("flaky"), attempt) {
        (true, 1 | 2) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        _ => StatusCode::NO_CONTENT.into_response(),
    }
}

fn attempts(runs: &[Run], body: &str) -> Vec<u32> {
    let runs = runs.iter().filter(|run| run.body == body);
    runs.map(|run| run.attempt).collect()
}

/// The topic, as a start makes it.
fn parked() -> TopicSpec {
    TopicSpec::new(PARKED, 1).with("cleanup.policy", "compact")
}

/// Waits until the group has got so far.
async fn committed(system: &System, next: i64) -> TestResult {
    let soon = Duration::from_secs(30);
    let wait = async {
        while system.committed("orders", 0) != Some(next) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    Ok(timeout(soon, wait).await?)
}

#[tokio::test(start_paused = true)]
async fn later_records_of_a_parked_key_follow_it_and_all_others_go_on() -> TestResult {
    let mut stage = Stage::asking(SPEC, flaky).await?;
    for (key, body) in [
        ("lane", "before"),
        ("lane", "flaky"),
        ("lane", "behind"),
        ("other", "beside"),
    ] {
        stage.send(key, body).await?;
    }
    assert_eq!(stage.next().await?, "before");
    assert_eq!(stage.next().await?, "beside");
    // Nothing holds the partition up while the first attempt is waited for.
    committed(&stage.system, 4).await?;
    stage.send("lane", "later").await?;
    committed(&stage.system, 5).await?;
    assert_eq!(stage.runs.lock().len(), 3);
    for body in ["flaky", "behind", "later"] {
        assert_eq!(stage.next().await?, body);
    }
    // All are out of the log before the key is free.
    let mut entries = stage.system.watch(PARKED, 1).await?;
    let mut written = Vec::new();
    while written.len() < 8 {
        let entry = entries.next().await?.envelope;
        let key = String::from_utf8(entry.key.ok_or("no key")?.to_vec())?;
        let key = key.split('/').next().unwrap_or_default();
        let attempt = entry.headers.get_str(names::ATTEMPT).unwrap_or("1");
        let attempt = entry.payload.map_or("-", |_| attempt);
        written.push(format!("{key} {attempt}"));
    }
    let of = |offset: &str| -> Vec<&str> {
        let entries = written.iter().map(String::as_str);
        entries.filter(|entry| entry.starts_with(offset)).collect()
    };
    assert_eq!(of("owner"), ["owner 1"]);
    assert_eq!(of("1"), ["1 2", "1 3", "1 -"]);
    assert_eq!(of("2"), ["2 1", "2 -"]);
    assert_eq!(of("4"), ["4 1", "4 -"]);
    stage.send("lane", "free").await?;
    assert_eq!(stage.next().await?, "free");

    let ended = stage.end().await;
    assert_eq!(attempts(&ended.runs, "flaky"), [1, 2, 3]);
    assert_eq!(ended.outcomes("failed_retry"), 2);
    assert_eq!(ended.committed, Some(6));
    assert!(entries.is_empty(), "a free key is parked");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_parked_key_is_the_next_instance_s_to_drain_with_its_attempts() -> TestResult {
    let stage = Stage::asking(SPEC, flaky).await?;
    for body in ["flaky 1", "behind", "flaky 2", "last"] {
        stage.send("lane", body).await?;
    }
    committed(&stage.system, 4).await?;
    let mut stage = stage.handed_over().await?;
    stage.send("lane", "later").await?;
    stage.send("other", "beside").await?;
    assert_eq!(stage.next().await?, "beside");
    assert_eq!(stage.next().await?, "flaky 1");
    assert_eq!(stage.next().await?, "behind");
    committed(&stage.system, 6).await?;
    let mut stage = stage.handed_over().await?;
    for body in ["flaky 2", "last", "later"] {
        assert_eq!(stage.next().await?, body);
    }
    let ended = stage.end().await;
    for body in ["flaky 1", "flaky 2"] {
        assert_eq!(attempts(&ended.runs, body), [1, 2, 3], "{body}");
    }
    for body in ["behind", "last", "later", "beside"] {
        assert_eq!(attempts(&ended.runs, body), [1], "{body}");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn after_the_last_attempt_a_parked_record_is_a_dead_letter_and_its_key_goes_on() -> TestResult
{
    let mut stage = Stage::asking(SPEC, |body, _| match body {
        "poison" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        _ => StatusCode::NO_CONTENT.into_response(),
    })
    .await?;
    let mut letters = stage.system.watch("orders.dlq", 1).await?;
    stage.send("lane", "poison").await?;
    stage.send("lane", "behind").await?;
    assert_eq!(stage.next().await?, "behind");
    let letter = letters.next().await?.envelope;
    assert_eq!(letter.headers.get_str(names::DLQ_ATTEMPTS), Some("3"));
    assert_eq!(letter.key.as_deref(), Some(&b"lane"[..]));
    assert_eq!(letter.payload.as_deref(), Some(&b"poison"[..]));
    let own = letter.headers.into_iter();
    assert_eq!(
        own.filter(|it| it.name.starts_with("ipc-retry-")).count(),
        0
    );
    let ended = stage.end().await;
    assert_eq!(ended.outcomes("dead_letter"), 1);
    assert_eq!(ended.committed, Some(2));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_record_too_large_to_be_parked_waits_in_its_lane() -> TestResult {
    let system = System::new();
    system
        .topic_like(parked().with("max.message.bytes", 700))
        .await?;
    let set_up = |service: ServiceBuilder| service.default_policy(policy(SPEC));
    let mut stage = Stage::on(system, set_up, flaky).await?;
    let large: &'static str = format!("flaky {}", "x".repeat(700)).leak();
    stage.send("lane", large).await?;
    stage.send("lane", "behind").await?;
    assert_eq!(stage.next().await?, large);
    assert_eq!(stage.next().await?, "behind");
    let ended = stage.end().await;
    assert_eq!(attempts(&ended.runs, large), [1, 2, 3]);
    assert_eq!(ended.committed, Some(2));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_partition_whose_parked_records_are_too_many_is_not_read_on_until_they_are_fewer()
-> TestResult {
    let set_up = |service: ServiceBuilder| {
        let mut limits = Limits::default();
        limits.parked = 4;
        service.default_policy(policy(SPEC)).limits(limits)
    };
    let mut stage = Stage::with(set_up, flaky).await?;
    stage.send("lane", "flaky").await?;
    for body in ["1", "2", "3"] {
        stage.send("lane", body).await?;
    }
    committed(&stage.system, 4).await?;
    stage.send("other", "beside").await?;
    sleep(FIRST / 2).await;
    let page = stage.service.metrics().render();
    for (name, value) in [("paused", 1), ("parked_records", 4), ("parked_keys", 1)] {
        let series = "{topic=\"orders.requests\",partition=\"0\"}";
        let line = format!("ipc_partition_{name}{series} {value}");
        assert!(page.contains(&line), "no {line} in {page}");
    }
    assert_eq!(stage.runs.lock().len(), 1);
    for body in ["flaky", "1"] {
        assert_eq!(stage.next().await?, body);
    }
    let mut rest = BTreeSet::new();
    for _ in 0..3 {
        rest.insert(stage.next().await?);
    }
    assert_eq!(rest, ["2", "3", "beside"].map(str::to_owned).into());
    assert_eq!(stage.end().await.committed, Some(5));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_request_topic_that_is_no_more_keeps_no_request_from_its_handler()
-> TestResult {
    let system = System::new();
    system.topic_like(parked()).await?;
    let entry = |key: &'static str, payload, headers: &[(&'static str, &'static str)]| {
        let mut all = Headers::new();
        for (name, value) in headers {
            all.push_static(name, *value);
        }
        Envelope {
            headers: all,
            key: Some(key.into()),
            payload,
        }
    };
    let settled = [(names::RETRY_SETTLED, "1"), (names::RETRY_WRITTEN, "7")];
    system.send(PARKED, entry("0/0", None, &settled)).await?;
    let parked = [
        (names::METHOD, "POST"),
        (names::PATH, "/work"),
        (names::RETRY_TOPIC, "orders.requests"),
        (names::RETRY_PARTITION, "0"),
        (names::RETRY_OFFSET, "1"),
        (names::RETRY_WRITTEN, "8"),
        (names::RETRY_FIRST_FAILED, "9"),
        (names::RETRY_DUE, "10"),
    ];
    let left = Some("left".into());
    system.send(PARKED, entry("1/0", left, &parked)).await?;
    let set_up = |service: ServiceBuilder| service.default_policy(policy(SPEC));
    let mut stage = Stage::on(system, set_up, flaky).await?;
    for body in ["first", "second"] {
        stage.send("lane", body).await?;
        assert_eq!(stage.next().await?, body);
    }
    drained(&stage.system, 2).await?;
    assert_eq!(stage.end().await.runs.len(), 2);
    Ok(())
}

/// The process that serves now.
type Current = Arc<Mutex<Option<Arc<MemoryTransport>>>>;

/// Instances of which each is a process of its own.
async fn mortal(answer: super::Answer) -> TestResult<(Stage, Current)> {
    let current = Current::default();
    let (system, next) = (System::new(), Arc::clone(&current));
    let of = system.clone();
    let set_up = move |service: ServiceBuilder| {
        let transport = of.transport();
        *next.lock() = Some(Arc::clone(&transport));
        service.default_policy(policy(SPEC)).transport(transport)
    };
    Ok((Stage::on(system, set_up, answer).await?, current))
}

/// Ends the process that serves where it stands, and starts another.
async fn next_life(stage: Stage, current: &Current) -> TestResult<Stage> {
    if let Some(transport) = current.lock().take() {
        transport.kill();
    }
    stage.replaced().await
}

/// Waits until everything is done and nothing is parked.
async fn drained(system: &System, requests: i64) -> TestResult {
    let day = Duration::from_secs(24 * 60 * 60);
    let wait = async {
        loop {
            sleep(Duration::from_secs(1)).await;
            let mut entries = system.watch(PARKED, 1).await?;
            sleep(Duration::from_secs(1)).await;
            let mut standing = BTreeMap::new();
            while !entries.is_empty() {
                let entry = entries.next().await?.envelope;
                standing.insert(entry.key, entry.headers.contains(names::RETRY_DUE));
            }
            let is_drained = !standing.into_values().any(|stands| stands);
            if is_drained && system.committed("orders", 0) == Some(requests) {
                return TestResult::Ok(());
            }
        }
    };
    timeout(day, wait).await?
}

/// Tells when the nth record is written to the parked topic: it gets this fate.
struct Nth {
    left: usize,
    fate: Produce,
    reached: Arc<Notify>,
}

impl Faults for Nth {
    fn produce(&mut self, record: &Outgoing, _: i32) -> Produce {
        if &*record.topic == PARKED {
            self.left = self.left.wrapping_sub(1);
            if self.left == 0 {
                self.reached.notify_one();
                return self.fate;
            }
        }
        Produce::Acknowledge
    }

    fn fetch(&mut self, _: &TopicPartition, _: i64) -> Fetch {
        Fetch::Deliver
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_dies_at_any_write_leaves_the_order_of_its_keys_and_loses_nothing() -> TestResult {
    // Who begins, three entries, that of the second attempt, and three settled.
    for nth in 1..=8 {
        for fate in [Produce::LoseAck, Produce::LoseRecord] {
            let (stage, current) = mortal(flaky).await?;
            let reached = Arc::new(Notify::new());
            stage.system.set_faults(Nth {
                left: nth,
                fate,
                reached: Arc::clone(&reached),
            });
            // So that the first instance writes that it begins with the faults.
            let stage = next_life(stage, &current).await?;
            for (key, body) in [
                ("lane", "flaky"),
                ("lane", "behind"),
                ("other", "beside"),
                ("lane", "later"),
            ] {
                stage.send(key, body).await?;
            }
            timeout(Duration::from_secs(3600), reached.notified()).await?;
            let before = stage.runs.lock().len();
            let stage = next_life(stage, &current).await?;
            drained(&stage.system, 4).await?;
            let runs = stage.end().await.runs;
            let works = [("flaky", 2), ("behind", 0), ("later", 0)];
            let works = works.map(|(body, fails)| (body.to_owned(), fails));
            let lives = [&runs[..before], &runs[before..]];
            let order = in_order(&works, &lives);
            assert!(order.is_ok(), "{nth} {fate:?}: {order:?} {runs:?}");
        }
    }
    Ok(())
}

/// Whether the works of a key, each with how often it fails, were done in their order and
/// all of them, by instances of which each goes on where the one before was, or repeats
/// what that could not settle.
fn in_order(works: &[(String, u32)], lives: &[&[Run]]) -> Result<(), String> {
    let mut next = 0;
    for runs in lives {
        let mut last = None;
        for run in *runs {
            let Some(at) = works.iter().position(|(body, _)| *body == run.body) else {
                continue;
            };
            if run.attempt <= works[at].1 && run.attempt < SPEC.attempts {
                continue;
            }
            let follows = last.map_or(at <= next, |last| at == last + 1);
            if !follows {
                return Err(format!("{} after {last:?} of {next}", run.body));
            }
            last = Some(at);
            next = next.max(at + 1);
        }
    }
    match next == works.len() {
        true => Ok(()),
        false => Err(format!("{next} of {works:?}")),
    }
}

/// Fails as often as the last part of a body says.
fn as_told(body: &str, attempt: u32) -> Response {
    let fails = body.rsplit('-').next().and_then(|it| it.parse().ok());
    match attempt <= fails.unwrap_or(0) {
        true => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        false => StatusCode::NO_CONTENT.into_response(),
    }
}

/// Sends works under keys, each with how often it fails, and kills who serves after a
/// while, and again.
async fn live_and_die(sent: &[(u8, u32)], deaths: &[u64]) -> TestResult<Result<(), String>> {
    let (mut stage, current) = mortal(as_told).await?;
    let mut works: BTreeMap<u8, Vec<(String, u32)>> = BTreeMap::new();
    for (nth, (key, fails)) in sent.iter().enumerate() {
        let body = format!("{key}-{nth}-{fails}");
        works.entry(*key).or_default().push((body.clone(), *fails));
        stage.send(key.to_string().leak(), body.leak()).await?;
    }
    let mut ends = vec![0];
    for after in deaths {
        sleep(Duration::from_millis(*after)).await;
        ends.push(stage.runs.lock().len());
        stage = next_life(stage, &current).await?;
    }
    drained(&stage.system, i64::try_from(sent.len())?).await?;
    let mut entries = stage.system.watch(PARKED, 1).await?;
    sleep(Duration::from_secs(1)).await;
    let mut touched = BTreeSet::new();
    while !entries.is_empty() {
        let entry = entries.next().await?.envelope;
        touched.extend(entry.headers.get_str(names::RETRY_KEY).map(str::to_owned));
    }
    let runs = stage.end().await.runs;
    ends.push(runs.len());
    let lives: Vec<&[Run]> = ends
        .windows(2)
        .map(|ends| &runs[ends[0]..ends[1]])
        .collect();
    for (key, works) in works {
        let fails = works.iter().any(|(_, fails)| *fails > 0);
        if !fails && touched.contains(&key.to_string()) {
            return Ok(Err(format!("key {key} was parked and never failed")));
        }
        if let Err(order) = in_order(&works, &lives) {
            return Ok(Err(format!("key {key}: {order} in {lives:?}")));
        }
    }
    Ok(Ok(()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn keys_keep_their_order_however_often_records_fail_and_instances_die(
        sent in prop::collection::vec((0_u8..3, prop_oneof![3 => Just(0), 1 => 1_u32..4]), 1..16),
        deaths in prop::collection::vec(0_u64..200_000, 0..3),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        let runtime = runtime.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let order = runtime.block_on(live_and_die(&sent, &deaths));
        let order = order.map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(order, Ok(()));
    }
}
