//! Where the requests of a route go.

use super::key;
use crate::config::mistake::{Located, Report};
use crate::config::parts;
use crate::config::route::{KeyRule, ServiceMode, Target};
use crate::config::section::Section;
use crate::config::suggest;
use crate::config::value::Name;

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

/// Reads it, for a route whose path is `path`.
pub(super) fn read(
    section: &Section<'_>,
    path: Option<&Located<String>>,
    legacy_is_set: bool,
    report: &mut Report<'_>,
) -> Option<Target> {
    let service = section.value::<Name>("service", report);
    let key = key::read(section, path, report);
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
