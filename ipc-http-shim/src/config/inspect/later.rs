//! What is told of requests that are answered later.

use super::effective::{Page, duration, quoted};
use super::explain::Told;
use super::origin::Origins;
use crate::config::{Config, Operations, Route};

/// Writes `[operations]`, where any route needs it.
pub(super) fn write(page: &mut Page, config: &Config, origins: &Origins<'_>) {
    if !config.has_operations() {
        return;
    }
    let Operations { path, keep, cache } = &config.operations;
    page.table("[operations]", None);
    for (key, value) in [
        ("path", quoted(path)),
        ("keep", quoted(&duration(*keep))),
        ("cache", cache.to_string()),
    ] {
        page.set(key, &value, &origins.of_section("operations", key));
    }
}

/// Writes how long the service of a route may take, and whether its clients decide.
pub(super) fn write_route(
    page: &mut Page,
    rules: &Operations,
    route: &Route,
    of: impl Fn(&str) -> String,
) {
    if !route.is_answered_later() {
        return;
    }
    for (key, is_set) in [
        ("prefer", route.prefer),
        ("late_replies", route.late_replies),
    ] {
        if is_set {
            page.set(key, "true", &of(key));
        }
    }
    let (within, origin) = match route.within {
        Some(within) => (within, of("within")),
        None => (rules.keep, "as long as answers are kept".to_owned()),
    };
    page.set("within", &quoted(&duration(within)), &origin);
}

/// Says where the answers of a route are to be had.
pub(super) fn tell_route(told: &mut Told, config: &Config, route: &Route, origin: &str) {
    if !route.is_answered_later() {
        return;
    }
    let Operations { path, keep, .. } = &config.operations;
    let topics = config.kafka_config();
    let whom = match (route.prefer, route.late_replies) {
        (true, true) => ", where its client prefers that or after a 504",
        (true, false) => ", where its client prefers that",
        (false, true) => ", after a 504",
        (false, false) => "",
    };
    told.say(format_args!(
        "answered later{whom}: at {path}/<id>, through topic {}, kept for {}",
        topics.topic_names().operations(&config.fleet),
        duration(*keep)
    ));
    match route.within {
        Some(within) => told.say(format_args!(
            "its service may take: {}, from {origin}",
            duration(within)
        )),
        None => told.say(format_args!(
            "its service may take: {}, as long as answers are kept",
            duration(*keep)
        )),
    }
}
