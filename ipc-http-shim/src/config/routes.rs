//! Reading `[[routes]]`.

use std::collections::BTreeSet;
use std::ops::Range;

use http::{HeaderName, Method};
use ipc_core::contract::Template;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::{Located, Place, Report};
use super::route::{KeyRule, Route, ServiceMode, Target};
use super::section::{Section, kind, text_of};
use super::value::{Name, Truth};
use super::{Auth, auth, breaker, cors, limits, migration, parts, rewriting, suggest, websocket};
use crate::migration::{Migration, Stage};
use crate::routes::RouteTable;

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

/// What a mode has requests go to.
#[derive(Clone, Copy)]
enum Kind {
    Service(ServiceMode),
    Aggregate,
    Legacy,
}

/// The modes, as they are written.
const MODES: &[(&str, Kind)] = &[
    ("call", Kind::Service(ServiceMode::Call)),
    ("one_way", Kind::Service(ServiceMode::OneWay)),
    ("accepted", Kind::Service(ServiceMode::Accepted)),
    ("stream", Kind::Service(ServiceMode::Stream)),
    ("websocket", Kind::Service(ServiceMode::WebSocket)),
    ("aggregate", Kind::Aggregate),
    ("legacy", Kind::Legacy),
];

/// What means nothing on a route that goes to other routes.
const IDLE_IN_AGGREGATES: &[&str] = &[
    "service",
    "key",
    "breaker",
    "cache",
    "rewrite",
    "request_headers",
];
/// What means nothing on a route that goes to the legacy upstream.
const IDLE_IN_LEGACY: &[&str] = &["service", "key", "breaker", "parts", "required"];
/// What means nothing on a route that goes to a service.
const IDLE_IN_SERVICES: &[&str] = &["parts", "required"];

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
    let methods = read_methods(&section, report);
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
    let target = read_target(&section, path.as_ref(), legacy_is_set, report);
    let migration = section
        .table("migration", report)
        .map(|(table, span)| migration::read(table, span, report));
    if let (Some(migration), Some(target)) = (&migration, &target) {
        let place = section.place_of("migration", report);
        check_migration(migration, target, legacy_is_set, place, report);
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

/// Where a route that moves comes from, and whether it can be compared on its way.
fn check_migration(
    migration: &Migration,
    target: &Target,
    legacy_is_set: bool,
    place: Place,
    report: &mut Report<'_>,
) {
    let mode = match target {
        Target::Service { mode, .. } => mode,
        Target::Aggregate(_) => {
            return report.add(
                place,
                "a route with mode \"aggregate\" does not move",
                "let the routes move that its parts go to",
            );
        }
        Target::Legacy => {
            return report.add(
                place,
                "a route with mode \"legacy\" does not move",
                "name its service, and let steps begin with \"legacy\"",
            );
        }
    };
    let uncompared = match mode {
        ServiceMode::Stream => Some("a stream is not compared"),
        ServiceMode::WebSocket => Some("a WebSocket is not compared"),
        ServiceMode::Accepted => Some("what is answered later is not compared"),
        ServiceMode::Call | ServiceMode::OneWay => None,
    };
    if let Some(uncompared) = uncompared
        && migration.steps.contains(&Stage::Shadow)
    {
        report.add(
            place.clone(),
            format!("{uncompared}, and a step of its migration is \"shadow\""),
            "write the steps without it, as in steps = [\"legacy\", \"10%\", \"kafka\"]",
        );
    }
    if *mode == ServiceMode::WebSocket && migration.fallback {
        report.add(
            place.clone(),
            "a WebSocket has no fallback: it is opened by one of both",
            "leave fallback out",
        );
    }
    if !legacy_is_set {
        report.add(
            place,
            "a route moves, and there is no legacy upstream it could come from",
            "set legacy = \"http://host:port\" at the top of the file",
        );
    }
}

fn read_target(
    section: &Section<'_>,
    path: Option<&Located<String>>,
    legacy_is_set: bool,
    report: &mut Report<'_>,
) -> Option<Target> {
    let service = section.value::<Name>("service", report);
    let key = read_key(section, path, report);
    let parts = parts::read(section, path, report);
    let mode = section.text("mode", report);
    let (name, kind) = match &mode {
        None => MODES[0],
        Some(mode) => match MODES.iter().find(|(name, _)| *name == mode.value) {
            Some(known) => *known,
            None => {
                report.add(
                    mode.place.clone(),
                    format!("mode {:?} is unknown", mode.value),
                    suggest::mend(&mode.value, MODES.iter().map(|(name, _)| *name)),
                );
                return None;
            }
        },
    };
    if let (Kind::Legacy, Some(mode), false) = (kind, &mode, legacy_is_set) {
        report.add(
            mode.place.clone(),
            "mode \"legacy\" has no upstream to go to",
            "set legacy = \"http://host:port\" at the top of the file",
        );
    }
    let idle = match kind {
        Kind::Service(_) => IDLE_IN_SERVICES,
        Kind::Aggregate => IDLE_IN_AGGREGATES,
        Kind::Legacy => IDLE_IN_LEGACY,
    };
    for key in idle.iter().filter(|key| section.get(key).is_some()) {
        report.add(
            section.place_of(key, report),
            format!("{key} says nothing on a route with mode {name:?}"),
            "remove it, or choose another mode",
        );
    }
    match kind {
        Kind::Service(mode) => service_target(section, service, mode, key, report),
        Kind::Aggregate => Some(Target::Aggregate(parts)),
        Kind::Legacy => Some(Target::Legacy),
    }
}

fn service_target(
    section: &Section<'_>,
    service: Option<Located<Name>>,
    mode: ServiceMode,
    key: KeyRule,
    report: &mut Report<'_>,
) -> Option<Target> {
    if service.is_none() && section.get("service").is_none() {
        report.add(
            section.place(report),
            "a route has no service",
            "name one, as in service = \"orders\", or write mode = \"legacy\"",
        );
    }
    Some(Target::Service {
        service: service?.value.0.into(),
        mode,
        key,
    })
}

fn read_methods(section: &Section<'_>, report: &mut Report<'_>) -> Vec<Method> {
    let single = section.text("method", report);
    let Some(several) = section.get("methods") else {
        return single
            .into_iter()
            .filter_map(|method| read_method(method, report))
            .collect();
    };
    let place = report.place(&several.span());
    if section.get("method").is_some() {
        report.add(
            place.clone(),
            "a route has both method and methods",
            "keep one of them",
        );
    }
    let names = match several.get_ref() {
        DeValue::Array(names) if !names.is_empty() => names,
        _ => {
            report.add(
                place,
                "methods is not a list of methods",
                "write it as [\"GET\", \"POST\"], or leave it out to take every method",
            );
            return Vec::new();
        }
    };
    let mut methods: Vec<Method> = Vec::new();
    for name in names.iter() {
        let place = report.place(&name.span());
        let value = text_of(name.get_ref()).unwrap_or_default();
        let method = read_method(Located { value, place }, report);
        methods.extend(method.filter(|method| !methods.contains(method)));
    }
    methods
}

/// The methods that have a meaning everywhere; others are taken as they stand.
const STANDARD: &[Method] = &[
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::TRACE,
];

fn read_method(name: Located<String>, report: &mut Report<'_>) -> Option<Method> {
    let Located { value: name, place } = name;
    let meant = STANDARD
        .iter()
        .find(|method| method.as_str().eq_ignore_ascii_case(&name));
    match Method::from_bytes(name.as_bytes()) {
        Ok(Method::CONNECT) => {
            report.add(
                place,
                "method \"CONNECT\" cannot be routed: a tunnel does not cross a log",
                "remove it",
            );
            None
        }
        Ok(method) if meant.is_none_or(|meant| *meant == method) => Some(method),
        _ => {
            let mend = meant.map_or_else(
                || "write one method, as in \"POST\"".to_owned(),
                |meant| format!("write \"{meant}\""),
            );
            report.add(place, format!("method {name:?} is not a method"), mend);
            None
        }
    }
}

fn read_key(
    section: &Section<'_>,
    path: Option<&Located<String>>,
    report: &mut Report<'_>,
) -> KeyRule {
    let Some(Located { value, place }) = section.text("key", report) else {
        return KeyRule::Default;
    };
    let parameter = value
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    let header = value.strip_prefix("header:").map(HeaderName::try_from);
    match (parameter, header) {
        (Some(name), _) => {
            check_parameter(name, path, place, report);
            KeyRule::Path(name.to_owned())
        }
        (_, Some(Ok(name))) => KeyRule::Header(name),
        _ if value == "none" => KeyRule::None,
        _ => {
            report.add(
                place,
                format!("key {value:?} is no rule"),
                "write \"{name}\" for a path parameter, \"header:name\" for a header, or \"none\"",
            );
            KeyRule::Default
        }
    }
}

fn check_parameter(
    name: &str,
    path: Option<&Located<String>>,
    place: Place,
    report: &mut Report<'_>,
) {
    // A path that cannot be read is a mistake of its own.
    let Some(Ok(template)) = path.map(|path| Template::parse(&path.value)) else {
        return;
    };
    let known: Vec<&str> = template.params().collect();
    if known.contains(&name) {
        return;
    }
    let what = format!("key names {name:?}, which the path has no parameter for");
    let mend = if known.is_empty() {
        format!("add {{{name}}} to the path, or write \"header:name\" or \"none\"")
    } else {
        suggest::mend(name, known)
    };
    report.add(place, what, mend);
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
