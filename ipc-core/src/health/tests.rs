use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A started process whose runtime turned at `now`.
fn started(now: Instant) -> Health {
    let health = Health::new();
    health.runtime_turned(now);
    health.started();
    health
}

/// A consumer that polls and has its broker.
fn consumer(health: &Health, now: Instant) -> ConsumerHealth {
    let consumer = health.consumer("orders.requests", now);
    consumer.reachable();
    consumer.assigned(4);
    consumer
}

fn live(health: &Health, now: Instant) -> Verdict {
    health.facts(now).liveness(now)
}

fn ready(health: &Health, now: Instant) -> Verdict {
    health.facts(now).readiness(now)
}

/// Liveness and readiness of a process whose runtime and consumer still turn
/// `later`, and whatever else has gone on.
fn at(health: &Health, consumer: &ConsumerHealth, later: Instant) -> (Verdict, Verdict) {
    health.runtime_turned(later);
    consumer.polled(later);
    (live(health, later), ready(health, later))
}

#[test]
fn a_process_is_not_ready_until_it_has_started() {
    let now = Instant::now();
    let health = Health::new();
    health.starting("waiting for topic orders.requests");
    let facts = health.facts(now);
    assert_eq!(
        facts.startup().reasons(),
        ["starting: waiting for topic orders.requests"]
    );
    assert!(!facts.readiness(now).is_ok());
    assert!(facts.liveness(now).is_ok());

    health.started();
    assert!(health.facts(now).startup().is_ok());
    assert!(ready(&health, now).is_ok());
}

#[test]
fn draining_ends_readiness_and_nothing_else() {
    let now = Instant::now();
    let health = started(now);
    let _consumer = consumer(&health, now);
    health.draining();
    assert_eq!(ready(&health, now).reasons(), ["draining"]);
    assert!(live(&health, now).is_ok());
    assert!(health.facts(now).startup().is_ok());
}

#[test]
fn a_lost_broker_ends_readiness_within_five_seconds_and_never_liveness() {
    let now = Instant::now();
    let health = started(now);
    let consumer = consumer(&health, now);
    consumer.unreachable(now, "connection refused");
    let (_, briefly) = at(&health, &consumer, now + SECOND);
    assert!(briefly.is_ok(), "{briefly:?}");

    let (alive, lost) = at(&health, &consumer, now + 5 * SECOND);
    assert!(alive.is_ok());
    assert_eq!(
        lost.reasons(),
        ["consumer of orders.requests: no broker for 5 s: connection refused"]
    );

    let (alive, _) = at(&health, &consumer, now + 3600 * SECOND);
    assert!(alive.is_ok());
    consumer.reachable();
    let (_, back) = at(&health, &consumer, now + 3600 * SECOND);
    assert!(back.is_ok());
}

#[test]
fn repeated_reports_of_a_lost_broker_do_not_restart_the_clock() {
    let now = Instant::now();
    let health = started(now);
    let consumer = consumer(&health, now);
    for second in 0..5 {
        consumer.unreachable(now + second * SECOND, "timed out");
    }
    let (_, lost) = at(&health, &consumer, now + 5 * SECOND);
    assert!(!lost.is_ok());
}

#[test]
fn a_lost_broker_is_a_warning_where_something_else_is_served() {
    let now = Instant::now();
    let health = started(now);
    let consumer = consumer(&health, now);
    health.served_locally("http on 0.0.0.0:8080");
    consumer.unreachable(now, "connection refused");
    let (_, verdict) = at(&health, &consumer, now + 60 * SECOND);
    assert!(verdict.is_ok());
    assert_eq!(
        verdict.warnings(),
        ["consumer of orders.requests: no broker for 60 s: connection refused"]
    );
}

#[test]
fn one_consumer_of_two_is_enough() {
    let now = Instant::now();
    let health = started(now);
    let first = consumer(&health, now);
    let second = consumer(&health, now);
    let later = now + 60 * SECOND;
    second.polled(later);
    first.unreachable(now, "timed out");
    let (_, verdict) = at(&health, &first, later);
    assert!(verdict.is_ok());
    assert_eq!(verdict.warnings().len(), 1);

    second.unreachable(now, "timed out");
    let (_, verdict) = at(&health, &first, later);
    assert_eq!(verdict.reasons().len(), 2);
}

#[test]
fn an_empty_assignment_is_ready() {
    let now = Instant::now();
    let health = started(now);
    let consumer = consumer(&health, now);
    consumer.assigned(0);
    let verdict = ready(&health, now);
    assert!(verdict.is_ok());
    assert_eq!(
        verdict.warnings(),
        ["consumer of orders.requests: no partition assigned: more instances than partitions"]
    );
}

#[test]
fn a_paused_partition_is_a_warning_only() {
    let now = Instant::now();
    let health = started(now);
    let consumer = consumer(&health, now);
    let topic = Arc::from("orders.requests");
    let paused = consumer.paused(&topic, 3, "its window is full");
    let (alive, verdict) = at(&health, &consumer, now + 3600 * SECOND);
    assert!(alive.is_ok() && verdict.is_ok());
    assert_eq!(
        verdict.warnings(),
        ["orders.requests[3] is paused: its window is full"]
    );
    drop(paused);
    assert!(ready(&health, now).warnings().is_empty());
}

#[test]
fn a_gateway_is_as_ready_as_its_inbox() {
    let now = Instant::now();
    let health = started(now);
    let inbox = health.inbox("shim.replies", Role::Serves);
    assert_eq!(
        ready(&health, now).reasons(),
        ["reply inbox shim.replies: being set up"]
    );
    inbox.ready();
    assert!(ready(&health, now).is_ok());
    inbox.not_ready("three pings did not come back");
    assert!(!ready(&health, now).is_ok());
    assert!(live(&health, now).is_ok());
    drop(inbox);
    assert!(ready(&health, now).is_ok());
}

#[test]
fn an_inbox_that_assists_is_a_warning_only() {
    let now = Instant::now();
    let health = started(now);
    let _consumer = consumer(&health, now);
    let _inbox = health.inbox("orders.replies", Role::Assists);
    let verdict = ready(&health, now);
    assert!(verdict.is_ok());
    assert_eq!(
        verdict.warnings(),
        ["reply inbox orders.replies: being set up"]
    );
}

#[test]
fn a_runtime_that_stands_still_ends_readiness_then_liveness() {
    let now = Instant::now();
    let health = started(now);
    let soon = now + 5 * SECOND;
    assert!(!ready(&health, soon).is_ok());
    assert!(live(&health, soon).is_ok());
    let late = now + 11 * SECOND;
    assert_eq!(
        live(&health, late).reasons(),
        ["the main runtime has stood still for 11 s"]
    );
}

#[test]
fn a_poll_loop_that_stands_still_ends_readiness_then_liveness() {
    let now = Instant::now();
    let health = started(now);
    let consumer = consumer(&health, now);
    let late = now + 11 * SECOND;
    health.runtime_turned(late);
    assert_eq!(
        live(&health, late).reasons(),
        ["consumer of orders.requests: its poll loop has stood still for 11 s"]
    );
    assert!(!ready(&health, late).is_ok());
    drop(consumer);
    assert!(live(&health, late).is_ok());
}

#[test]
fn a_handler_may_run_ten_seconds_past_its_deadline() {
    let now = Instant::now();
    let health = started(now);
    let endpoint = Arc::from("POST /orders");
    let finish_by = now + 30 * SECOND;
    let first = health.handler(&endpoint, finish_by);
    let second = health.handler(&endpoint, finish_by + SECOND);
    let verdict = |at: Instant| {
        health.runtime_turned(at);
        live(&health, at)
    };
    assert!(verdict(finish_by + 10 * SECOND).is_ok());
    let late = finish_by + 12 * SECOND;
    assert_eq!(
        verdict(late).reasons(),
        ["handlers of POST /orders past their deadline: 2, by up to 12 s"]
    );
    assert!(ready(&health, late).is_ok());
    drop(first);
    drop(second);
    assert!(verdict(late).is_ok());
}

#[test]
fn the_body_says_yes_or_no_and_why() {
    let now = Instant::now();
    let health = started(now);
    health.draining();
    let body = serde_json::to_value(ready(&health, now)).expect("a verdict is plain data");
    assert_eq!(
        body,
        serde_json::json!({"ok": false, "reasons": ["draining"], "warnings": []})
    );
}

proptest! {
    /// Whatever is away, paused or unassigned, for however long.
    #[test]
    fn nothing_but_standing_still_fails_liveness(
        away in proptest::option::of(0u32..100_000),
        assigned in proptest::option::of(0usize..3),
        paused: bool,
        inbox_ready: bool,
        draining: bool,
        has_started: bool,
    ) {
        let now = Instant::now();
        let later = now + 200_000 * SECOND;
        let health = Health::new();
        health.runtime_turned(later);
        let consumer = health.consumer("orders.requests", now);
        consumer.polled(later);
        consumer.reachable();
        let inbox = health.inbox("orders.replies", Role::Serves);
        if let Some(seconds) = away {
            consumer.unreachable(now + seconds * SECOND, "timed out");
        }
        if let Some(partitions) = assigned {
            consumer.assigned(partitions);
        }
        let topic = Arc::from("orders.requests");
        let _paused = paused.then(|| consumer.paused(&topic, 0, "its window is full"));
        if inbox_ready {
            inbox.ready();
        }
        if draining {
            health.draining();
        }
        if has_started {
            health.started();
        }
        prop_assert!(live(&health, later).is_ok());
        // and readiness asks for the start, no drain, and one part that works
        let serves = away.is_none() || inbox_ready;
        prop_assert_eq!(ready(&health, later).is_ok(), has_started && !draining && serves);
    }
}

#[tokio::test]
async fn a_newer_configuration_that_is_refused_is_a_warning_until_one_is_in_use() {
    let now = Instant::now();
    let health = started(now);
    let configuration = health.configuration();
    let warnings = || health.facts(now).readiness(now).warnings().to_vec();

    configuration.refused(Some("configuration refused: a mistake".to_owned()));
    assert_eq!(warnings(), ["configuration refused: a mistake"]);
    assert!(health.facts(now).readiness(now).is_ok());

    configuration.refused(None);
    assert_eq!(warnings(), [""; 0]);

    configuration.refused(Some("again".to_owned()));
    drop(configuration);
    assert_eq!(warnings(), [""; 0]);
}
