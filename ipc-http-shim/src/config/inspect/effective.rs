//! The whole configuration, defaults included, and where each value is from.

use std::fmt::Write as _;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};
use humantime::format_duration;
use toml_writer::{ToTomlKey as _, ToTomlValue as _};

use super::access::{self, write_auth};
use super::breaker::{write_breaker, write_route_breaker};
use super::browsers;
use super::later;
use super::limits::{write_in_flight, write_limits, write_rates};
use super::moving::write_migration;
use super::origin::Origins;
use super::parts;
use super::sockets;
use super::tls::{write_legacy_tls, write_tls};
use crate::config::secret::HIDDEN;
use crate::config::{
    Config, HeaderChanges, KeyRule, Mistakes, Overrides, Route, ServiceMode, Target, load,
};

/// The configuration that `file`, whose contents are `text`, and `overrides` come
/// to: TOML that can be read again, each value with where it is from. In the place
/// of a secret stands `***`.
///
/// # Errors
///
/// As [`load`].
pub fn effective(file: &str, text: &str, overrides: &Overrides) -> Result<String, Mistakes> {
    let config = load(file, text, overrides)?;
    let origins = Origins::of(file, text, overrides);
    let mut page = Page::default();
    page.line(&format!(
        "# What {file} comes to, and where each value is from."
    ));
    top(&mut page, &config, &origins);
    write_limits(&mut page, &config.limits, &origins);
    write_tls(&mut page, &config, &origins);
    write_legacy_tls(&mut page, &config, &origins);
    write_breaker(&mut page, &config, &origins);
    write_trace(&mut page, &config, &origins);
    write_access_log(&mut page, &config, &origins);
    later::write(&mut page, &config, &origins);
    write_auth(&mut page, &config.auth, &origins);
    browsers::write(&mut page, &config, &origins);
    if config.kafka.all().next().is_some() {
        page.table("[kafka]", None);
    }
    for (name, value) in config.kafka.all() {
        let shown = if origins.is_secret(name) {
            HIDDEN
        } else {
            value
        };
        page.set(name, &quoted(shown), &origins.property(name));
    }
    if let Some(webhook) = &config.webhook {
        page.table("[webhook]", None);
        // Many a webhook's address is a secret.
        page.set(
            "url",
            &quoted(HIDDEN),
            &origins.of_section("webhook", "url"),
        );
        if !webhook.headers.is_empty() {
            let headers = pairs(&webhook.headers);
            page.set(
                "headers",
                &headers,
                &origins.of_section("webhook", "headers"),
            );
        }
    }
    if let Some(shared) = &config.shared_rates {
        page.table("[shared_rates]", None);
        for (key, value) in [
            // It may hold a password.
            ("redis", HIDDEN),
            ("prefix", &shared.prefix),
            ("within", &duration(shared.within)),
        ] {
            page.set(
                key,
                &quoted(value),
                &origins.of_section("shared_rates", key),
            );
        }
    }
    for (index, route) in config.routes.iter().enumerate() {
        page.table("[[routes]]", Some(&origins.route(index)));
        write_route(&mut page, &config, index, route, &origins);
    }
    Ok(page.0)
}

fn top(page: &mut Page, config: &Config, origins: &Origins<'_>) {
    if config.sidecar {
        page.set("sidecar", "true", &origins.setting("sidecar"));
    }
    let mut set = |key: &str, value: String| page.set(key, &quoted(&value), &origins.setting(key));
    set("listen", config.listen.to_string());
    if let Some(admin) = config.admin {
        set("admin", admin.to_string());
    }
    set("fleet", config.fleet.clone());
    set("timeout", duration(config.timeout));
    set("drain", duration(config.drain));
    if let Some(legacy) = &config.legacy {
        set("legacy", legacy.to_string());
    } else {
        page.unset("legacy", "requests without a route get 404");
    }
    if config.drain_delay.is_zero() {
        page.unset("drain_delay", "a stop closes the listener at once");
    } else {
        let origin = origins.setting("drain_delay");
        page.set(
            "drain_delay",
            &quoted(&duration(config.drain_delay)),
            &origin,
        );
    }
    if config.topic_prefix.is_empty() {
        page.unset("topic_prefix", "topics have the names of their services");
    } else {
        let origin = origins.setting("topic_prefix");
        page.set("topic_prefix", &quoted(&config.topic_prefix), &origin);
    }
    if config.services.is_empty() {
        page.unset("services", "routes may name every service");
    } else {
        let allowed: Vec<String> = config.services.iter().map(ToString::to_string).collect();
        let allowed = list(allowed.iter().map(String::as_str));
        page.set("services", &allowed, &origins.setting("services"));
    }
    let trusted = &config.proxies.trusted;
    if trusted.is_empty() {
        page.unset(
            "trusted_proxies",
            "the client is whoever opens a connection",
        );
    } else {
        let trusted: Vec<String> = trusted.iter().map(ToString::to_string).collect();
        let origin = origins.setting("trusted_proxies");
        page.set(
            "trusted_proxies",
            &list(trusted.iter().map(String::as_str)),
            &origin,
        );
        let header = quoted(config.proxies.header.name());
        page.set("client_header", &header, &origins.setting("client_header"));
    }
    match config.reply_partitions {
        Some(partitions) => {
            let origin = origins.setting("reply_partitions");
            page.set("reply_partitions", &partitions.to_string(), &origin);
        }
        None => page.unset("reply_partitions", "the reply topic must exist"),
    }
}

fn write_trace(page: &mut Page, config: &Config, origins: &Origins<'_>) {
    let trace = &config.trace;
    page.table("[trace]", None);
    for (key, value) in [
        ("begin", trace.begin.to_string()),
        ("sample", trace.sample.share().to_string()),
    ] {
        page.set(key, &value, &origins.of_section("trace", key));
    }
    match &trace.answer {
        Some(name) => {
            let origin = origins.of_section("trace", "answer");
            page.set("answer", &quoted(name.as_str()), &origin);
        }
        None => page.unset("answer", "answers do not tell the trace"),
    }
}

fn write_access_log(page: &mut Page, config: &Config, origins: &Origins<'_>) {
    let Some(log) = &config.access_log else {
        return;
    };
    page.table("[access_log]", None);
    for (key, value) in [
        ("format", quoted(log.format.name())),
        ("output", quoted(&log.output.to_string())),
        ("sample", log.sample.share().to_string()),
        ("peer", quoted(log.peer.name())),
        ("query", log.query.to_string()),
        ("principal", log.principal.to_string()),
    ] {
        page.set(key, &value, &origins.of_section("access_log", key));
    }
}

fn write_route(
    page: &mut Page,
    config: &Config,
    index: usize,
    route: &Route,
    origins: &Origins<'_>,
) {
    let of = |key: &str| origins.of_route(index, key);
    match route.methods.as_slice() {
        [] => page.unset("methods", "every method is taken"),
        [method] => {
            let key = if of("method") == "default" {
                "methods"
            } else {
                "method"
            };
            page.set("methods", &list([method.as_str()]), &of(key));
        }
        methods => page.set(
            "methods",
            &list(methods.iter().map(Method::as_str)),
            &of("methods"),
        ),
    }
    page.set("path", &quoted(&route.path), &of("path"));
    match &route.target {
        Target::Aggregate(asked) => parts::write_route(page, asked, of),
        Target::Legacy => page.set("mode", &quoted("legacy"), &of("mode")),
        Target::Service { service, mode, key } => {
            page.set("service", &quoted(service), &of("service"));
            page.set("mode", &quoted(mode_name(*mode)), &of("mode"));
            match key_rule(key) {
                Some(rule) => page.set("key", &quoted(&rule), &of("key")),
                None => page.unset("key", KEY_BY_DEFAULT),
            }
        }
    }
    match route.timeout {
        Some(timeout) => page.set("timeout", &quoted(&duration(timeout)), &of("timeout")),
        None => {
            let origin = format!("the timeout at the top, {}", origins.setting("timeout"));
            page.set("timeout", &quoted(&duration(config.timeout)), &origin);
        }
    }
    later::write_route(page, &config.operations, route, of);
    if route.cache {
        page.set("cache", "true", &of("cache"));
    }
    if let Some(resume) = route.resume {
        page.set("resume", &quoted(&duration(resume)), &of("resume"));
    }
    access::write_route(page, index, route, origins);
    browsers::write_route(page, index, route, origins);
    write_in_flight(page, route.limits.in_flight, of);
    if let Some(rewrite) = &route.rewriting.path {
        page.set("rewrite", &quoted(&rewrite.to_string()), &of("rewrite"));
    }
    for (key, changes) in [
        ("request_headers", &route.rewriting.request_headers),
        ("response_headers", &route.rewriting.response_headers),
    ] {
        write_changes(page, key, changes, &of(key));
    }
    let origin = |key: &str| origins.of_table(index, &["rate"], key);
    write_rates(page, "[routes.rate]", &route.limits.rate, origin);
    sockets::write_route(page, index, route, origins);
    write_migration(page, index, route, origins);
    write_route_breaker(page, index, route, origins);
}

fn write_changes(page: &mut Page, key: &str, changes: &HeaderChanges, origin: &str) {
    let mut parts = Vec::new();
    for (part, values) in [("set", &changes.set), ("add", &changes.add)] {
        if !values.is_empty() {
            parts.push(format!("{part} = {}", pairs(values)));
        }
    }
    if !changes.remove.is_empty() {
        let names = changes.remove.iter().map(HeaderName::as_str);
        parts.push(format!("remove = {}", list(names)));
    }
    if !parts.is_empty() {
        page.set(key, &format!("{{ {} }}", parts.join(", ")), origin);
    }
}

fn pairs(values: &[(HeaderName, HeaderValue)]) -> String {
    let pairs: Vec<String> = values
        .iter()
        .map(|(name, value)| {
            let shown = value.to_str().ok().filter(|_| !value.is_sensitive());
            let shown = shown.unwrap_or(HIDDEN);
            format!("{} = {}", name.as_str().to_toml_key(), quoted(shown))
        })
        .collect();
    format!("{{ {} }}", pairs.join(", "))
}

pub(super) const KEY_BY_DEFAULT: &str = "nothing for GET, HEAD and OPTIONS; else the path's \
     single parameter, else the header idempotency-key, else nothing";

/// A rule as it is written; `None` for the default, which cannot be.
pub(super) fn key_rule(rule: &KeyRule) -> Option<String> {
    match rule {
        KeyRule::Default => None,
        KeyRule::Path(name) => Some(format!("{{{name}}}")),
        KeyRule::Header(name) => Some(format!("header:{name}")),
        KeyRule::None => Some("none".to_owned()),
    }
}

pub(super) fn mode_name(mode: ServiceMode) -> &'static str {
    match mode {
        ServiceMode::Call => "call",
        ServiceMode::OneWay => "one_way",
        ServiceMode::Accepted => "accepted",
        ServiceMode::Stream => "stream",
        ServiceMode::WebSocket => "websocket",
    }
}

pub(super) fn duration(duration: Duration) -> String {
    format_duration(duration).to_string()
}

pub(super) fn quoted(text: &str) -> String {
    text.to_toml_value()
}

pub(super) fn list<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let items: Vec<String> = items.into_iter().map(quoted).collect();
    format!("[{}]", items.join(", "))
}

/// TOML under way.
#[derive(Default)]
pub(super) struct Page(String);

impl Page {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    pub(super) fn table(&mut self, header: &str, origin: Option<&str>) {
        self.line("");
        match origin {
            Some(origin) => self.line(&format!("{header}  # {origin}")),
            None => self.line(header),
        }
    }

    pub(super) fn set(&mut self, key: &str, value: &str, origin: &str) {
        // A `String` takes every write.
        let _ = writeln!(self.0, "{} = {value}  # {origin}", key.to_toml_key());
    }

    /// Says of a key without a value what that comes to.
    pub(super) fn unset(&mut self, key: &str, meaning: &str) {
        let _ = writeln!(self.0, "# {key} is not set: {meaning}");
    }
}
