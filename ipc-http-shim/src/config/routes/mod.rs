//! Reading `[[routes]]`.

mod key;
mod methods;
mod moving;
mod table;
mod target;

use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::{Located, Place, Report};
use super::route::Route;
use super::section::{Section, kind};
use super::value::Truth;
use super::{Auth, auth, breaker, cors, limits, migration, parts, rewriting, websocket};

pub use table::{Lookup, RouteFault, RouteTable};

const TITLE: &str = "[[routes]]";
pub(super) const KEYS: &[&str] = &[
    "method",
    "methods",
    "path",
    "service",
    "mode",
    "timeout",
    "within",
    "prefer",
    "late_replies",
    "cache",
    "resume",
    "websocket",
    "parts",
    "required",
    "key",
    "migration",
    "breaker",
    "auth",
    "scopes",
    "cors",
    "rewrite",
    "request_headers",
    "response_headers",
    "rate",
    "in_flight",
    "in_flight_wait",
];

/// A route, and where its path stands.
pub(super) type ReadRoute = Located<Route>;

/// Reads every route of the file.
pub(super) fn read<'a>(
    value: &'a Spanned<DeValue<'a>>,
    legacy_is_set: bool,
    access: &Auth,
    report: &mut Report<'_>,
) -> Vec<ReadRoute> {
    let DeValue::Array(tables) = value.get_ref() else {
        report.add(
            report.place(&value.span()),
            format!("routes is {}", kind(value.get_ref())),
            "write each route under a line [[routes]]",
        );
        return Vec::new();
    };
    let mut routes = Vec::new();
    for item in tables.iter() {
        if let DeValue::Table(table) = item.get_ref() {
            routes.extend(read_one(table, item.span(), legacy_is_set, access, report));
        } else {
            report.add(
                report.place(&item.span()),
                format!("a route is {}", kind(item.get_ref())),
                "write it under a line [[routes]]",
            );
        }
    }
    routes
}

/// Tells of routes that cannot be beside each other.
pub(super) fn check(routes: &[ReadRoute], legacy_is_set: bool, report: &mut Report<'_>) {
    check_together(routes, legacy_is_set, report);
    check_names(routes, report);
}

fn read_one<'a>(
    table: &'a DeTable<'a>,
    span: Range<usize>,
    legacy_is_set: bool,
    access: &Auth,
    report: &mut Report<'_>,
) -> Option<ReadRoute> {
    let section = Section::open(TITLE, table, span, KEYS, report);
    let methods = methods::read(&section, report);
    let timeout = section.value("timeout", report).map(|read| read.value);
    let within = section.value("within", report).map(|read| read.value);
    let is_set = |key, report: &mut Report<'_>| {
        let truth = section.value::<Truth>(key, report);
        truth.is_some_and(|truth| truth.value.0)
    };
    let prefer = is_set("prefer", report);
    let late_replies = is_set("late_replies", report);
    let cache = is_set("cache", report);
    let resume = section.value("resume", report).map(|read| read.value);
    let path = section.text("path", report);
    if path.is_none() && section.get("path").is_none() {
        report.add(
            section.place(report),
            "a route has no path",
            "name one, as in path = \"/orders/{id}\"",
        );
    }
    let websocket = section
        .table("websocket", report)
        .map(|(table, span)| websocket::read(table, span, path.as_ref(), report));
    let target = target::read(&section, path.as_ref(), legacy_is_set, report);
    let migration = section
        .table("migration", report)
        .map(|(table, span)| migration::read(table, span, report));
    if let (Some(migration), Some(target)) = (&migration, &target) {
        let place = section.place_of("migration", report);
        moving::check(migration, target, legacy_is_set, place, report);
    }
    let breaker = section
        .table("breaker", report)
        .map(|(table, span)| breaker::read(breaker::ROUTE_TITLE, table, span, report));
    let (credentials, scopes) = auth::read_route(&section, report);
    let cors = cors::read_route(&section, report);
    let rewriting = rewriting::read(&section, path.as_ref(), report);
    let limits = limits::read_route(&section, report);
    let taken = credentials.as_deref();
    auth::check_route(&section, taken, &scopes, &limits.rate, access, report);
    let (path, target) = (path?, target?);
    let route = Route {
        methods,
        timeout,
        within,
        prefer,
        late_replies,
        cache,
        resume,
        websocket: websocket.unwrap_or_default(),
        migration,
        breaker: breaker.unwrap_or_default(),
        auth: credentials,
        scopes,
        cors,
        rewriting,
        limits,
        ..Route::new(path.value, target)
    };
    Some(Located {
        value: route,
        place: path.place,
    })
}

/// Two routes that move must not be called the same.
fn check_names(routes: &[ReadRoute], report: &mut Report<'_>) {
    let mut names = BTreeSet::new();
    for route in routes {
        if let Some(name) = route.value.moving_name()
            && !names.insert(name.clone())
        {
            report.add(
                route.place.clone(),
                format!("two routes that move have the name {name:?}"),
                "give each a name of its own: commands tell them apart by it",
            );
        }
    }
}

fn check_together(routes: &[ReadRoute], legacy_is_set: bool, report: &mut Report<'_>) {
    let plain = routes.iter().map(|read| read.value.clone()).collect();
    let faults = match RouteTable::new(plain) {
        Ok(table) => parts::faults(&table, legacy_is_set),
        Err(faults) => faults,
    };
    for fault in faults {
        let earlier = fault.earlier.and_then(|index| routes.get(index));
        let what = match earlier.map(|read| &read.place) {
            Some(Place::Line(line, _)) => format!("{}, at line {line}", fault.what),
            _ => fault.what,
        };
        report.add(routes[fault.route].place.clone(), what, fault.mend);
    }
}
