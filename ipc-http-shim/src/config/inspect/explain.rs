//! What becomes of one request, and why.

use std::fmt::Write as _;

use http::uri::PathAndQuery;
use http::{HeaderName, Method};
use matchit::Params;
use percent_encoding::percent_decode_str;

use super::access;
use super::breaker::tell_breaker;
use super::browsers;
use super::effective::{KEY_BY_DEFAULT, duration, mode_name};
use super::later;
use super::limits::{tell_concurrency, tell_limits, tell_rates};
use super::moving::tell_migration;
use super::origin::Origins;
use super::others::tell_others;
use super::parts;
use super::sockets;
use super::tls::tell_tls;
use crate::config::{
    Config, HeaderChanges, KeyRule, Lookup, Mistakes, Overrides, Rewriting, Route, RouteTable,
    Target, load,
};
use crate::spelling;

/// A request whose fate is asked for.
#[derive(Clone, Debug)]
pub struct Question {
    pub(super) method: Method,
    pub(super) target: PathAndQuery,
}

impl Question {
    /// A request with this method for this path, with or without a query.
    ///
    /// # Errors
    ///
    /// What is wrong with either.
    pub fn parse(method: &str, target: &str) -> Result<Self, String> {
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| format!("{method:?} is not a method: write one, as in GET"))?;
        let read = PathAndQuery::try_from(target).ok();
        let target = read
            .filter(|read| target == "*" || read.path().starts_with('/'))
            .ok_or_else(|| format!("{target:?} is not a path: write one, as in /orders/7"))?;
        Ok(Self { method, target })
    }
}

/// What the configuration in `file`, whose contents are `text`, with `overrides`
/// over it, makes of a request: its route, where it goes and as what, and why no
/// other route takes it.
///
/// # Errors
///
/// As [`load`].
pub fn explain(
    file: &str,
    text: &str,
    overrides: &Overrides,
    question: &Question,
) -> Result<String, Mistakes> {
    let config = load(file, text, overrides)?;
    let origins = Origins::of(file, text, overrides);
    // Clashes are mistakes, and there are none.
    let Ok(table) = RouteTable::new(config.routes.clone()) else {
        return Ok(String::new());
    };
    let Question { method, target } = question;
    let mut told = Told::default();
    told.say(format_args!("{method} {target}"));
    tell_tls(&mut told, &config, &origins);
    let path = spelling::usual(target.path());
    let found = match table.find(method, &path) {
        Lookup::Found {
            route,
            index,
            params,
        } => {
            tell_route(
                &mut told, &config, &origins, question, route, index, &params,
            );
            Some(index)
        }
        Lookup::OtherMethods(methods) => {
            let methods: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
            told.say(format_args!(
                "route: none; the path is routed for {}",
                methods.join(", ")
            ));
            tell_unrouted(&mut told, &config, &origins, 405);
            None
        }
        Lookup::Nothing => {
            told.say(format_args!("route: none"));
            tell_unrouted(&mut told, &config, &origins, 404);
            None
        }
    };
    tell_others(&mut told, &config, &origins, question, found);
    Ok(told.0)
}

/// What is told, line by line.
#[derive(Default)]
pub(super) struct Told(String);

impl Told {
    pub(super) fn say(&mut self, line: std::fmt::Arguments<'_>) {
        // A `String` takes every write.
        let _ = writeln!(self.0, "{line}");
    }
}

fn tell_route(
    told: &mut Told,
    config: &Config,
    origins: &Origins<'_>,
    question: &Question,
    route: &Route,
    index: usize,
    params: &Params<'_, '_>,
) {
    told.say(format_args!(
        "route: {}, at {}",
        route.label(),
        origins.route(index)
    ));
    match &route.target {
        Target::Service { service, mode, key } => {
            let topics = config.kafka_config();
            told.say(format_args!(
                "goes to: service {service:?}, topic {}, mode {}",
                topics.topic_names().requests(service),
                mode_name(*mode)
            ));
            tell_migration(told, config, route);
            told.say(format_args!(
                "key: {}",
                key_of(key, &question.method, params)
            ));
        }
        Target::Aggregate(asked) => parts::tell_route(told, asked, params),
        Target::Legacy => told.say(format_args!("goes to: {}", legacy(config))),
    }
    if !matches!(route.target, Target::Aggregate(_)) {
        tell_target(told, question, route, params);
    }
    let (timeout, origin) = match route.timeout {
        Some(timeout) => (timeout, origins.of_route(index, "timeout")),
        None => (config.timeout, origins.setting("timeout")),
    };
    told.say(format_args!(
        "timeout: {}, from {origin}",
        duration(timeout)
    ));
    later::tell_route(told, config, route, &origins.of_route(index, "within"));
    if route.cache {
        told.say(format_args!(
            "answers: given again as they say in cache-control, from {}",
            origins.of_route(index, "cache")
        ));
    }
    if let Some(resume) = route.resume {
        told.say(format_args!(
            "streams: kept for a client that comes back within {}, from {}",
            duration(resume),
            origins.of_route(index, "resume")
        ));
    }
    sockets::tell_route(told, route);
    access::tell_route(told, config, index, route, origins);
    browsers::tell_route(told, config, route);
    tell_observed(told, config, origins);
    tell_limits(told, config, origins, route.target == Target::Legacy);
    tell_rates(told, config, origins, Some((index, route)));
    tell_concurrency(told, config, origins, (index, route));
    tell_breaker(told, config, origins, route, index);
    tell_headers(told, "request headers", &route.rewriting.request_headers);
    tell_headers(told, "answer headers", &route.rewriting.response_headers);
    if route.migration.is_some() && route.rewriting != Rewriting::default() {
        told.say(format_args!(
            "the legacy server gets the request as it came, and its answer stays as it is"
        ));
    }
}

fn tell_target(told: &mut Told, question: &Question, route: &Route, params: &Params<'_, '_>) {
    let Some(rewrite) = &route.rewriting.path else {
        return told.say(format_args!("sent on as: {}, as it came", question.target));
    };
    match rewrite.fill(|name| params.get(name)) {
        Ok(path) => {
            let query = question.target.query();
            let query = query.map_or_else(String::new, |query| format!("?{query}"));
            told.say(format_args!(
                "sent on as: {path}{query}, by rewrite = \"{rewrite}\""
            ));
        }
        Err(escape) => told.say(format_args!(
            "not sent on: 400, by rewrite = \"{rewrite}\": {escape}"
        )),
    }
}

fn tell_unrouted(told: &mut Told, config: &Config, origins: &Origins<'_>, status: u16) {
    if config.legacy.is_none() {
        return told.say(format_args!(
            "answered: {status}, for want of a legacy server"
        ));
    }
    told.say(format_args!("goes to: {}", legacy(config)));
    let origin = origins.setting("timeout");
    told.say(format_args!(
        "timeout: {}, from {origin}",
        duration(config.timeout)
    ));
    access::tell_unrouted(told, config, origins);
    tell_observed(told, config, origins);
    tell_limits(told, config, origins, true);
    tell_rates(told, config, origins, None);
}

/// Says what is told of a request: its trace, and its line in the access log.
fn tell_observed(told: &mut Told, config: &Config, origins: &Origins<'_>) {
    if config.trace.begin {
        told.say(format_args!(
            "trace: begun where it has none, {} of them recorded, from {}",
            config.trace.sample.share(),
            origins.of_section("trace", "begin")
        ));
    }
    if let Some(log) = &config.access_log {
        told.say(format_args!(
            "access log: {} to {}, {} of the lines of what did not fail, from {}",
            log.format.name(),
            log.output,
            log.sample.share(),
            origins.of_section("access_log", "output")
        ));
    }
}

pub(super) fn legacy(config: &Config) -> String {
    config
        .legacy
        .as_ref()
        .map_or_else(String::new, |origin| format!("the legacy server {origin}"))
}

fn tell_headers(told: &mut Told, title: &str, changes: &HeaderChanges) {
    let names = |list: &[(HeaderName, http::HeaderValue)]| {
        let names: Vec<&str> = list.iter().map(|(name, _)| name.as_str()).collect();
        names.join(", ")
    };
    let removed: Vec<&str> = changes.remove.iter().map(HeaderName::as_str).collect();
    let parts = [
        ("removes", removed.join(", ")),
        ("sets", names(&changes.set)),
        ("adds", names(&changes.add)),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(verb, names)| format!("{verb} {names}"))
        .collect();
    if !parts.is_empty() {
        told.say(format_args!("{title}: {}", parts.join("; ")));
    }
}

fn key_of(rule: &KeyRule, method: &Method, params: &Params<'_, '_>) -> String {
    let decoded = |value: &str| percent_decode_str(value).decode_utf8_lossy().into_owned();
    match rule {
        KeyRule::None => "none".to_owned(),
        KeyRule::Header(name) => format!("the request's header {name}, else none"),
        KeyRule::Path(name) => {
            let value = params.get(name).map(decoded).unwrap_or_default();
            format!("{value:?}, the path's {{{name}}}")
        }
        KeyRule::Default if [Method::GET, Method::HEAD, Method::OPTIONS].contains(method) => {
            format!("none, by default ({KEY_BY_DEFAULT})")
        }
        KeyRule::Default => {
            let mut params = params.iter();
            match (params.next(), params.next()) {
                (Some((name, value)), None) => {
                    format!("{:?}, the path's {{{name}}}, by default", decoded(value))
                }
                _ => "the request's header idempotency-key, else none, by default".to_owned(),
            }
        }
    }
}
