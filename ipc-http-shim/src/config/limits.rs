//! `[limits]`: how much a client may take, and how long it may take over it.

use std::ops::Range;
use std::time::Duration;

use toml::de::DeTable;

use super::mistake::Report;
use super::rate::{self, Rates};
use super::section::Section;
use super::value::{Bytes, Count, Hundredths, Many};

/// How large a request may be, how slowly it may come, and how many connections there
/// may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a request body on its way to Kafka; more is answered 413. Bodies
    /// to the legacy upstream are streamed and have no limit here.
    /// Default: 32 MiB.
    pub body: usize,
    /// Bytes of all header names and values of a request; more is answered 431.
    /// Default: 64 KiB.
    pub header_bytes: usize,
    /// How many headers a request may have; more is answered 431. Default: 100.
    pub header_count: usize,
    /// Bytes of a request's path and query; more is answered 414. At most 65 534,
    /// which is the longest that can be read at all. Default: 16 KiB.
    pub url: usize,
    /// How many connections there may be; one more is told 503 and closed.
    /// Default: 16 384.
    pub connections: usize,
    /// How many connections one address may have, a network of 64 bits for IPv6;
    /// one more is told 503 and closed. Default: as many as there may be, since
    /// whatever balances load in front of the gateway is one address.
    pub connections_per_address: Option<usize>,
    /// How many requests may be under way at once on one HTTP/2 connection; more
    /// wait at the client. Default: 200.
    pub streams: u32,
    /// How long a new connection may take until the whole head of its first request
    /// is there; then it is closed. Default: 30 s.
    pub header_timeout: Duration,
    /// How long a connection may go on without a request, from the end of an answer to
    /// the whole head of the next request; then it is closed. Default: 75 s.
    pub idle_timeout: Duration,
    /// How long a client may fall silent within a body; then it is answered 408.
    /// Default: 30 s.
    pub body_timeout: Duration,
    /// Bytes a second that a body must come with in the long run: a client is waited
    /// for during `body_timeout` and as long as what it has sent takes at this rate;
    /// then it is answered 408. Default: 1 KiB.
    pub body_rate: usize,
    /// How many requests are taken in how much time, of all routes together; one more
    /// is answered 429. Default: without bound.
    pub rate: Rates,
    /// Between which bounds it is learned how many requests to each service may be
    /// under way; one more is answered 503. Default: it is not learned, and there is no
    /// bound.
    pub concurrency: Option<ConcurrencyBounds>,
    /// How much of the time a request has it may be expected to wait in the queue of
    /// its service, in hundredths; one that would wait longer is answered 503.
    /// Default: 50.
    pub queue_share: u8,
    /// How many streams are kept for clients that come back, those that are read among
    /// them; one more makes the one that has waited longest end, or is not kept.
    /// Default: 1024.
    pub kept_streams: usize,
    /// Bytes of events that are kept of each, and one event at least. Default: 64 KiB.
    pub kept_events: usize,
    /// Bytes of all answers that are kept to be given again, about. Default: 32 MiB.
    pub cache: usize,
    /// Bytes of the largest of them; more are not kept. Default: 256 KiB.
    pub cached_answer: usize,
}

/// Between which bounds it is learned how many requests to a service may be under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConcurrencyBounds {
    /// How many at first. Default: 100.
    pub initial: usize,
    /// How many at least, whatever the service's round trips say. Default: 10.
    pub min: usize,
    /// How many at most. Default: 1000.
    pub max: usize,
}

impl Default for ConcurrencyBounds {
    fn default() -> Self {
        Self {
            initial: 100,
            min: 10,
            max: 1000,
        }
    }
}

/// How much may go through one route.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct RouteLimits {
    /// How many requests are taken in how much time; one more is answered 429.
    /// Default: without bound.
    pub rate: Rates,
    /// How many requests may be under way. Default: without bound.
    pub in_flight: Option<InFlight>,
}

/// How many requests of a route may be under way; one more is answered 503.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InFlight {
    /// How many.
    pub requests: usize,
    /// How long one more waits for one of these to end. Default: not at all.
    pub wait: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 32 * 1024 * 1024,
            header_bytes: 64 * 1024,
            header_count: 100,
            url: 16 * 1024,
            connections: 16_384,
            connections_per_address: None,
            streams: 200,
            header_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            body_timeout: Duration::from_secs(30),
            body_rate: 1024,
            rate: Rates::default(),
            concurrency: None,
            queue_share: 50,
            kept_streams: 1024,
            kept_events: 64 * 1024,
            cache: 32 * 1024 * 1024,
            cached_answer: 256 * 1024,
        }
    }
}

/// The keys of `[limits]`.
pub(super) const KEYS: &[&str] = &[
    "body",
    "header_bytes",
    "header_count",
    "url",
    "connections",
    "connections_per_address",
    "streams",
    "header_timeout",
    "idle_timeout",
    "body_timeout",
    "body_rate",
    "rate",
    "concurrency",
    "queue_share",
    "kept_streams",
    "kept_events",
    "cache",
    "cached_answer",
];

/// The keys of `[limits.concurrency]`.
pub(super) const CONCURRENCY_KEYS: &[&str] = &["initial", "min", "max"];

/// What the longest URL has that can be read at all.
const LONGEST_URL: usize = 65_534;

/// Reads `[limits]`.
pub(super) fn read<'a>(
    table: &'a DeTable<'a>,
    span: Range<usize>,
    report: &mut Report<'_>,
) -> Limits {
    let section = Section::open("[limits]", table, span, KEYS, report);
    let mut limits = Limits::default();
    for (key, field) in [
        ("body", &mut limits.body),
        ("header_bytes", &mut limits.header_bytes),
        ("url", &mut limits.url),
        ("body_rate", &mut limits.body_rate),
        ("kept_events", &mut limits.kept_events),
        ("cache", &mut limits.cache),
        ("cached_answer", &mut limits.cached_answer),
    ] {
        if let Some(bytes) = section.value::<Bytes>(key, report) {
            *field = bytes.value.0;
        }
    }
    if limits.url > LONGEST_URL {
        report.add(
            section.place_of("url", report),
            format!("url {} is more than can be read", limits.url),
            format!("write at most {LONGEST_URL} bytes"),
        );
    }
    if let Some(count) = section.value::<Count>("header_count", report) {
        limits.header_count = count.value.0.into();
    }
    for (key, field) in [
        ("connections", &mut limits.connections),
        ("kept_streams", &mut limits.kept_streams),
    ] {
        if let Some(count) = section.value::<Many>(key, report) {
            *field = count.value.0;
        }
    }
    let of_one = section.value::<Many>("connections_per_address", report);
    limits.connections_per_address = of_one.map(|count| count.value.0);
    if let Some(count) = section.value::<Count>("streams", report) {
        limits.streams = count.value.0.into();
    }
    for (key, field) in [
        ("header_timeout", &mut limits.header_timeout),
        ("idle_timeout", &mut limits.idle_timeout),
        ("body_timeout", &mut limits.body_timeout),
    ] {
        if let Some(duration) = section.value(key, report) {
            *field = duration.value;
        }
    }
    if let Some(table) = section.table("rate", report) {
        limits.rate = rate::read("[limits.rate]", table, report);
    }
    limits.concurrency = section
        .table("concurrency", report)
        .map(|table| read_concurrency(table, report));
    if let Some(share) = section.value::<Hundredths>("queue_share", report) {
        limits.queue_share = share.value.0;
    }
    limits
}

fn read_concurrency<'a>(
    (table, span): (&'a DeTable<'a>, Range<usize>),
    report: &mut Report<'_>,
) -> ConcurrencyBounds {
    let title = "[limits.concurrency]";
    let section = Section::open(title, table, span, CONCURRENCY_KEYS, report);
    let mut bounds = ConcurrencyBounds::default();
    for (key, field) in [
        ("initial", &mut bounds.initial),
        ("min", &mut bounds.min),
        ("max", &mut bounds.max),
    ] {
        if let Some(count) = section.value::<Many>(key, report) {
            *field = count.value.0;
        }
    }
    let ConcurrencyBounds { initial, min, max } = bounds;
    if !(min <= initial && initial <= max) {
        report.add(
            section.place(report),
            format!("min is {min}, initial {initial} and max {max}"),
            "write them in this order, none smaller than the one before",
        );
    }
    bounds
}

/// Reads the limits of a route.
pub(super) fn read_route(section: &Section<'_>, report: &mut Report<'_>) -> RouteLimits {
    let mut limits = RouteLimits::default();
    if let Some(table) = section.table("rate", report) {
        limits.rate = rate::read("[routes.rate]", table, report);
    }
    let requests = section.value::<Many>("in_flight", report);
    let wait = section.value("in_flight_wait", report);
    match (requests, wait) {
        (Some(requests), wait) => {
            limits.in_flight = Some(InFlight {
                requests: requests.value.0,
                wait: wait.map(|wait| wait.value),
            });
        }
        (None, Some(wait)) if section.get("in_flight").is_none() => report.add(
            wait.place,
            "in_flight_wait says nothing without in_flight",
            "say how many may be under way, as in in_flight = 64",
        ),
        (None, _) => {}
    }
    limits
}
