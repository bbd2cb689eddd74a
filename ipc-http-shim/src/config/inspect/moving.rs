//! How a route moves, as it is told.

use http::HeaderName;

use super::effective::{Page, duration, list, quoted};
use super::explain::{Told, legacy};
use super::origin::Origins;
use crate::config::{Config, Route};
use crate::migration::{Compare, Migration, ShadowedMethods, Stage, Sticky};

/// Writes `[routes.migration]` of the route with this index.
pub(super) fn write_migration(page: &mut Page, index: usize, route: &Route, origins: &Origins<'_>) {
    let (Some(migration), Some(name)) = (&route.migration, route.moving_name()) else {
        return;
    };
    let Migration {
        name: given,
        steps,
        automatic,
        bounds,
        sticky,
        fallback,
        shadow,
        compare,
    } = migration;
    let of = |key: &str| origins.of_table(index, &["migration"], key);
    page.table("[routes.migration]", None);
    match given {
        Some(name) => page.set("name", &quoted(name), &of("name")),
        None => page.unset("name", &format!("commands call the route {name:?}")),
    }
    let steps: Vec<String> = steps.iter().map(Stage::to_string).collect();
    for (key, value) in [
        ("steps", list(steps.iter().map(String::as_str))),
        ("automatic", automatic.to_string()),
        ("requests", bounds.requests.to_string()),
        ("over", quoted(&duration(bounds.over))),
        ("differences", quoted(&share(bounds.differences))),
        ("errors", quoted(&share(bounds.errors))),
        ("p99", quoted(&duration(bounds.p99))),
        ("sticky", quoted(&sticky_name(sticky))),
        ("shadow", quoted(shadowed(*shadow))),
    ] {
        page.set(key, &value, &of(key));
    }
    if *fallback {
        page.set("fallback", &quoted("legacy"), &of("fallback"));
    } else {
        page.unset("fallback", "what the service does not answer is an error");
    }
    write_compare(page, index, compare, origins);
}

fn write_compare(page: &mut Page, index: usize, compare: &Compare, origins: &Origins<'_>) {
    let Compare {
        headers,
        ignore,
        show,
        tolerance,
        body,
    } = compare;
    let texts = |texts: &[String]| list(texts.iter().map(String::as_str));
    page.table("[routes.migration.compare]", None);
    for (key, value) in [
        ("headers", list(headers.iter().map(HeaderName::as_str))),
        ("ignore", texts(ignore)),
        ("show", texts(show)),
        ("tolerance", tolerance.to_string()),
        ("body", body.to_string()),
    ] {
        let origin = origins.of_table(index, &["migration", "compare"], key);
        page.set(key, &value, &origin);
    }
}

/// Says of a route that moves where from, and by which steps.
pub(super) fn tell_migration(told: &mut Told, config: &Config, route: &Route) {
    let (Some(migration), Some(name)) = (&route.migration, route.moving_name()) else {
        return;
    };
    let steps: Vec<String> = migration.steps.iter().map(Stage::to_string).collect();
    let how = if migration.automatic {
        "by itself"
    } else {
        "by command"
    };
    told.say(format_args!(
        "moves: as {name:?}, from {}, {how}: {}",
        legacy(config),
        steps.join(", ")
    ));
    if migration.fallback {
        told.say(format_args!(
            "falls back: to {}, where that can do no harm",
            legacy(config)
        ));
    }
}

/// A share as it is written. Percentages are divided by a hundred when they are read,
/// and few of those have a finite form: what is shown is the one that was meant.
pub(super) fn share(share: f64) -> String {
    const FINE: f64 = 1e9;
    format!("{}%", (share * 100.0 * FINE).round() / FINE)
}

fn sticky_name(sticky: &Sticky) -> String {
    match sticky {
        Sticky::Client => "client".to_owned(),
        Sticky::Header(name) => format!("header:{name}"),
        Sticky::Cookie(name) => format!("cookie:{name}"),
    }
}

fn shadowed(methods: ShadowedMethods) -> &'static str {
    match methods {
        ShadowedMethods::Safe => "safe",
        ShadowedMethods::Every => "every",
    }
}
