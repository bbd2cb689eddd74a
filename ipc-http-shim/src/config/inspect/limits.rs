//! Limits, as they are told.

use super::effective::{Page, duration, quoted};
use super::explain::Told;
use super::origin::Origins;
use crate::config::{
    ConcurrencyBounds, Config, InFlight, Limits, Rates, Route, ServiceMode, Target,
};

/// Writes `[limits]`.
pub(super) fn write_limits(page: &mut Page, limits: &Limits, origins: &Origins<'_>) {
    page.table("[limits]", None);
    for (key, value) in numbers(limits) {
        page.set(key, &value.to_string(), &origins.limit(key));
    }
    match limits.connections_per_address {
        Some(count) => {
            let key = "connections_per_address";
            page.set(key, &count.to_string(), &origins.limit(key));
        }
        None => page.unset(
            "connections_per_address",
            "one address may have all connections",
        ),
    }
    for (key, value) in [
        ("header_timeout", limits.header_timeout),
        ("idle_timeout", limits.idle_timeout),
        ("body_timeout", limits.body_timeout),
    ] {
        page.set(key, &quoted(&duration(value)), &origins.limit(key));
    }
    let share = format!("{}%", limits.queue_share);
    page.set(
        "queue_share",
        &quoted(&share),
        &origins.limit("queue_share"),
    );
    let origin = |key: &str| origins.of_limit_table("rate", key);
    write_rates(page, "[limits.rate]", &limits.rate, origin);
    if let Some(ConcurrencyBounds { initial, min, max }) = limits.concurrency {
        page.table("[limits.concurrency]", None);
        for (key, value) in [("initial", initial), ("min", min), ("max", max)] {
            let origin = origins.of_limit_table("concurrency", key);
            page.set(key, &value.to_string(), &origin);
        }
    }
}

/// Writes how many requests of a route may be under way, where that is said.
pub(super) fn write_in_flight(
    page: &mut Page,
    in_flight: Option<InFlight>,
    origin: impl Fn(&str) -> String,
) {
    let Some(InFlight { requests, wait }) = in_flight else {
        return;
    };
    page.set("in_flight", &requests.to_string(), &origin("in_flight"));
    if let Some(wait) = wait {
        let origin = origin("in_flight_wait");
        page.set("in_flight_wait", &quoted(&duration(wait)), &origin);
    }
}

/// Writes a table of rates, where there are any; `origin` tells where each is from.
pub(super) fn write_rates(
    page: &mut Page,
    header: &str,
    rates: &Rates,
    origin: impl Fn(&str) -> String,
) {
    for (index, (key, rate)) in rates.all().enumerate() {
        if index == 0 {
            page.table(header, None);
        }
        page.set(key, &quoted(&rate.to_string()), &origin(key));
    }
}

/// Says how many requests may be under way with one of `route`, which is the one with
/// this index.
pub(super) fn tell_concurrency(
    told: &mut Told,
    config: &Config,
    origins: &Origins<'_>,
    (index, route): (usize, &Route),
) {
    if let Some(InFlight { requests, wait }) = route.limits.in_flight {
        let origin = origins.of_route(index, "in_flight");
        let wait = wait.map_or_else(String::new, |wait| {
            format!("; one more waits {}", duration(wait))
        });
        told.say(format_args!(
            "under way: {requests} of this route ({origin}){wait}"
        ));
    }
    let Target::Service { service, mode, .. } = &route.target else {
        return;
    };
    let limits = &config.limits;
    if let Some(ConcurrencyBounds { min, max, .. }) = limits.concurrency {
        told.say(format_args!(
            "under way: {min} to {max} of service {service:?}, as it has room for"
        ));
    }
    if !matches!(mode, ServiceMode::OneWay | ServiceMode::Accepted) {
        let timeout = route.timeout.unwrap_or(config.timeout);
        let bearable = timeout * u32::from(limits.queue_share) / 100;
        told.say(format_args!(
            "queue: 503 where it would wait beyond {}, which is {}% of its timeout ({})",
            duration(bearable),
            limits.queue_share,
            origins.limit("queue_share"),
        ));
    }
}

/// Says by which rates a request of `route` is counted, which is the one with this
/// index.
pub(super) fn tell_rates(
    told: &mut Told,
    config: &Config,
    origins: &Origins<'_>,
    route: Option<(usize, &Route)>,
) {
    let of_all = config.limits.rate.all();
    let mut counted: Vec<String> = of_all
        .map(|(key, rate)| {
            let origin = origins.of_limit_table("rate", key);
            format!("{rate} of every route, {} ({origin})", counted_by(key))
        })
        .collect();
    if let Some((index, route)) = route {
        counted.extend(route.limits.rate.all().map(|(key, rate)| {
            let origin = origins.of_table(index, &["rate"], key);
            format!("{rate} of this route, {} ({origin})", counted_by(key))
        }));
    }
    if !counted.is_empty() {
        let together = config
            .shared_rates
            .as_ref()
            .map_or(String::new(), |shared| {
                format!("; of all replicas, in the Redis at {}", shared.address())
            });
        told.say(format_args!("rates: {}{together}", counted.join("; ")));
    }
}

fn counted_by(key: &str) -> &'static str {
    match key {
        "total" => "of all clients together",
        "principal" => "of each client that has proved who it is",
        _ => "of each client's address",
    }
}

fn numbers(limits: &Limits) -> [(&'static str, usize); 11] {
    let streams = usize::try_from(limits.streams).unwrap_or(usize::MAX);
    [
        ("body", limits.body),
        ("header_bytes", limits.header_bytes),
        ("header_count", limits.header_count),
        ("url", limits.url),
        ("connections", limits.connections),
        ("streams", streams),
        ("body_rate", limits.body_rate),
        ("kept_streams", limits.kept_streams),
        ("kept_events", limits.kept_events),
        ("cache", limits.cache),
        ("cached_answer", limits.cached_answer),
    ]
}

/// Says within which limits a request must be, whose body is `streamed` or read whole.
pub(super) fn tell_limits(told: &mut Told, config: &Config, origins: &Origins<'_>, streamed: bool) {
    let limits = &config.limits;
    let body = if streamed {
        "body without bound".to_owned()
    } else {
        format!("body {} bytes ({})", limits.body, origins.limit("body"))
    };
    told.say(format_args!(
        "limits: {body}, headers {} bytes ({}), {} headers ({}), url {} bytes ({})",
        limits.header_bytes,
        origins.limit("header_bytes"),
        limits.header_count,
        origins.limit("header_count"),
        limits.url,
        origins.limit("url"),
    ));
    told.say(format_args!(
        "slow clients: a body may pause {} ({}) and comes with {} bytes a second ({})",
        duration(limits.body_timeout),
        origins.limit("body_timeout"),
        limits.body_rate,
        origins.limit("body_rate"),
    ));
}
