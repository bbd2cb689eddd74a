use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::*;

/// Type and label names of each metric, by the name to query.
type Listing = BTreeMap<String, (String, BTreeSet<String>)>;

const DOCUMENT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md"));

fn topic() -> Arc<str> {
    Arc::from("orders.requests")
}

/// Touches every metric once; keeps what must live for its series to stay.
fn everything() -> (Metrics, Arc<PartitionMetrics>) {
    let metrics = Metrics::new();

    let endpoint = metrics.endpoint(&Arc::from("GET /orders/{id}"));
    endpoint.settled(Settled::Done);
    endpoint.settled(Settled::DeadLetter("timeout"));
    endpoint.handler_started();
    endpoint.handler_ended(HandlerResult::Reply, Duration::from_millis(3));

    let dispatch = metrics.dispatch();
    dispatch.waited(Duration::from_millis(1), Some(Duration::from_millis(2)));
    dispatch.rebalanced(Rebalance::Assigned);
    dispatch.revoke_drain_exceeded();
    dispatch.dead_lettered("timeout");
    drop(dispatch.stopped("", "store"));
    dispatch.chunks_discarded(2);
    drop(dispatch.stream_opened());
    dispatch.presence_sent();
    dispatch.control_record_ignored();

    let partition = metrics.partition(&topic(), 0);
    partition.received(1);
    partition.in_flight(1);
    partition.oldest_in_flight(None);
    partition.window(1, 2);
    partition.paused(true);
    partition.parked(1, 2);
    partition.lag(7);

    metrics.dedup().claimed(ClaimResult::Granted);

    let transactions = metrics.transactions();
    transactions.ended(TransactionEnd::Committed, Duration::from_millis(60));
    transactions.outputs(3);

    let client = metrics.client();
    drop(client.call_started());
    client.call_ended(CallOutcome::Reply);
    client.round_trip(Duration::from_millis(3));
    client.late_reply();
    client.stream_duplicate();
    client.stream_gap(2);
    client.inbox_rebuilt();

    metrics.kafka().observed(
        "rdkafka#producer-1",
        ClientState {
            kind: ClientKind::Producer,
            queue_records: 1,
            queue_bytes: 100,
            brokers: vec![BrokerState {
                broker: 1,
                connected: true,
                waiting: 0,
                in_flight: 1,
                round_trips: vec![(RoundTripFigure::P99, Duration::from_millis(2))],
            }],
        },
    );

    metrics.producer().sent();
    metrics.producer().failed(SendFailure::QueueFull);
    (metrics, partition)
}

/// What a registry's text offers.
fn offered(text: &str) -> Listing {
    let types: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .collect();
    let mut listing = Listing::new();
    for sample in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = sample.rsplit_once(' ').expect("a sample has a value");
        let (series, labels) = series.split_once('{').unwrap_or((series, ""));
        let (family, kind) = types
            .iter()
            .filter(|(family, _)| series.starts_with(**family))
            .max_by_key(|(family, _)| family.len())
            .expect("a sample has a type");
        let name = if *kind == "counter" { series } else { family };
        let labels = labels
            .split('"')
            .filter_map(|part| part.trim_start_matches(',').strip_suffix('='))
            .filter(|label| *label != "le")
            .map(str::to_owned);
        listing
            .entry(name.to_owned())
            .or_insert_with(|| (kind.to_string(), BTreeSet::new()))
            .1
            .extend(labels);
    }
    listing
}

/// What the document's tables promise.
fn documented() -> Listing {
    DOCUMENT
        .lines()
        // The gateway's own are in a registry of its own.
        .filter(|line| line.starts_with("| `ipc_") && !line.starts_with("| `ipc_shim_"))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [_, name, kind, labels, ..] = cells[..] else {
                panic!("a row has name, type and labels: {line}");
            };
            let labels = labels
                .split(',')
                .map(|label| label.trim().trim_matches('`').to_owned())
                .filter(|label| !label.is_empty())
                .collect();
            (name.trim_matches('`').to_owned(), (kind.to_owned(), labels))
        })
        .collect()
}

/// The value of one series.
fn value(text: &str, series: &str) -> Option<f64> {
    text.lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
        .map(|value| value.parse().expect("a sample's value is a number"))
}

#[test]
fn the_document_lists_what_a_registry_offers() {
    let (metrics, _partition) = everything();
    assert_eq!(documented(), offered(&metrics.render()));
}

#[test]
fn no_registered_metric_escapes_the_comparison() {
    let (metrics, _partition) = everything();
    let registered = format!("{:?}", metrics.0.registry)
        .matches("Descriptor {")
        .count();
    assert_eq!(registered, offered(&metrics.render()).len());
}

#[test]
fn the_document_names_every_label_value() {
    let values = ErrorClass::ALL
        .iter()
        .map(|value| value.as_str())
        .chain(StreamEnd::ALL.iter().map(|value| value.as_str()))
        .chain(Rebalance::ALL.iter().map(|value| value.as_str()))
        .chain(CallOutcome::ALL.iter().map(|value| value.as_str()))
        .chain(ClientKind::ALL.iter().map(|value| value.as_str()))
        .chain(RoundTripFigure::ALL.iter().map(|value| value.as_str()))
        .chain(SendFailure::ALL.iter().map(|value| value.as_str()))
        .chain(OUTCOMES.iter().map(|settled| settled.labels().0))
        .chain(RESULTS.iter().map(|result| result.labels().0));
    let missing: Vec<_> = values
        .filter(|value| !DOCUMENT.contains(&format!("`{value}`")))
        .collect();
    assert!(missing.is_empty(), "not in docs/metrics.md: {missing:?}");
}

const OUTCOMES: [Settled; 14] = [
    Settled::Done,
    Settled::Reply,
    Settled::ReplyError(ErrorClass::Server),
    Settled::NotNow,
    Settled::FailedRetry,
    Settled::DeadLetter("timeout"),
    Settled::Expired,
    Settled::Undecodable,
    Settled::UnknownEndpoint,
    Settled::Cancelled,
    Settled::Panic,
    Settled::ReplyTopicRefused,
    Settled::StreamOpened,
    Settled::StreamEnded(StreamEnd::Moved),
];

const RESULTS: [HandlerResult; 7] = [
    HandlerResult::Done,
    HandlerResult::Reply,
    HandlerResult::ReplyError(ErrorClass::Client),
    HandlerResult::NotNow,
    HandlerResult::Failed("timeout"),
    HandlerResult::Panicked,
    HandlerResult::Dropped,
];

#[test]
fn an_error_status_is_told_from_a_reply() {
    assert_eq!(Settled::reply(204), Settled::Reply);
    assert_eq!(Settled::reply(399), Settled::Reply);
    assert_eq!(Settled::reply(404), Settled::ReplyError(ErrorClass::Client));
    assert_eq!(
        HandlerResult::reply(503),
        HandlerResult::ReplyError(ErrorClass::Server)
    );
}

#[test]
fn outcomes_are_counted_by_endpoint_and_detail() {
    let metrics = Metrics::new();
    let endpoint = metrics.endpoint(&Arc::from("POST /orders"));
    for settled in [
        Settled::Reply,
        Settled::Reply,
        Settled::ReplyError(ErrorClass::Client),
        Settled::DeadLetter("timeout"),
    ] {
        endpoint.settled(settled);
    }
    let text = metrics.render();
    let of = |outcome: &str, detail: &str| {
        let series = format!(
            r#"ipc_outcomes_total{{endpoint="POST /orders",outcome="{outcome}",detail="{detail}"}}"#
        );
        value(&text, &series)
    };
    assert_eq!(of("reply", ""), Some(2.0));
    assert_eq!(of("reply_error", "4xx"), Some(1.0));
    assert_eq!(of("dead_letter", "timeout"), Some(1.0));
    assert_eq!(of("done", ""), Some(0.0));
    assert_eq!(of("panic", ""), None);
}

#[test]
fn one_endpoint_has_one_handle() {
    let metrics = Metrics::new();
    let first = metrics.endpoint(&Arc::from("POST /orders"));
    let second = metrics.clone().endpoint(&Arc::from("POST /orders"));
    assert!(Arc::ptr_eq(&first, &second));
}

#[test]
fn a_held_guard_counts_until_it_is_dropped() {
    let metrics = Metrics::new();
    let pending = || value(&metrics.render(), "ipc_client_pending_calls");
    let first = metrics.client().call_started();
    let second = metrics.client().call_started();
    assert_eq!(pending(), Some(2.0));
    drop(first);
    assert_eq!(pending(), Some(1.0));
    drop(second);
    assert_eq!(pending(), Some(0.0));
}

const OLDEST: &str =
    r#"ipc_partition_oldest_in_flight_age_seconds{topic="orders.requests",partition="0"}"#;

#[test]
fn the_oldest_record_in_flight_ages_with_the_clock() {
    let metrics = Metrics::new();
    let partition = metrics.partition(&topic(), 0);
    let arrived = Instant::now();
    assert_eq!(value(&metrics.render_at(arrived), OLDEST), Some(0.0));

    partition.oldest_in_flight(Some(arrived));
    let later = metrics.render_at(arrived + Duration::from_secs(90));
    let age = value(&later, OLDEST).expect("the series is there");
    assert!((age - 90.0).abs() < 0.001, "{age}");

    partition.oldest_in_flight(None);
    let idle = metrics.render_at(arrived + Duration::from_secs(99));
    assert_eq!(value(&idle, OLDEST), Some(0.0));
}

#[test]
fn a_partition_s_series_go_with_its_last_handle() {
    let metrics = Metrics::new();
    let partition = metrics.partition(&topic(), 0);
    partition.lag(5);
    partition.received(3);
    let clone = metrics.partition(&topic(), 0);
    drop(partition);
    assert!(metrics.render().contains("partition=\"0\""));
    drop(clone);
    let text = metrics.render();
    assert!(!text.contains("partition=\"0\""), "{text}");
    // what a topic has delivered stays: a counter that vanishes loses its rate
    let received = r#"ipc_records_received_total{topic="orders.requests"}"#;
    assert_eq!(value(&text, received), Some(3.0));
}

#[test]
fn a_partition_assigned_again_starts_afresh() {
    let metrics = Metrics::new();
    let paused = r#"ipc_partition_paused{topic="orders.requests",partition="0"}"#;
    let first = metrics.partition(&topic(), 0);
    first.paused(true);
    assert_eq!(value(&metrics.render(), paused), Some(1.0));
    drop(first);
    let _second = metrics.partition(&topic(), 0);
    assert_eq!(value(&metrics.render(), paused), Some(0.0));
}

#[test]
fn lag_is_absent_until_it_is_known() {
    let metrics = Metrics::new();
    let partition = metrics.partition(&topic(), 0);
    assert!(!metrics.render().contains("ipc_partition_lag_records"));
    partition.lag(0);
    assert!(metrics.render().contains("ipc_partition_lag_records"));
}
