//! Who may import whom inside ipc-core.

use super::imports::Import;

/// Each folder (or file) directly under `src`, with the others that it may import. The first three are leaves;
/// each stratum sees those below it, and what is under `service` never sees `service`.
pub(super) const FOLDERS: &[(&str, &str)] = &[
    ("error", ""),
    ("metrics", ""),
    ("health", ""),
    ("store", "transport contract envelope error"),
    ("envelope", "error"),
    ("contract", "envelope error"),
    ("transport", "envelope error metrics health"),
    // keys are for who signs and who verifies; the rest sees what they agree on
    ("principal", "envelope"),
    ("embedded", "transport envelope error"),
    (
        "dispatch",
        "transport contract envelope store error metrics health",
    ),
    (
        "layer",
        "dispatch transport contract envelope store error metrics health",
    ),
    ("handler", "dispatch envelope error"),
    // a client never sees `dispatch`
    ("client", "transport contract envelope error metrics health"),
    // a relay sends as a client does
    (
        "outbox",
        "transport contract envelope store error metrics health",
    ),
    // dead letters are records, whoever wrote them
    ("redrive", "transport envelope"),
    ("journey", "redrive transport envelope"),
    ("pause", "transport envelope"),
    // what knows HTTP sees what a record says and what becomes of it, not how it travels
    (
        "http",
        "extract response routing dispatch contract envelope error",
    ),
    (
        "extract",
        "http response routing dispatch contract envelope store error",
    ),
    (
        "response",
        "http extract routing dispatch contract envelope error",
    ),
    (
        "routing",
        "http extract response dispatch contract envelope error",
    ),
    (
        "service",
        "http extract response handler routing client outbox layer dispatch transport contract envelope store error metrics health",
    ),
];

/// Single files that may import one folder more: here the client is offered as a `tower::Service` of HTTP
/// requests, which needs to know both.
pub(super) const BRIDGES: &[(&str, &str)] = &[("http/client.rs", "client")];

/// What sees every folder: the roof of the crate, and what tests use.
pub(super) const UNBOUND: &[&str] = &["lib", "prelude", "__private", "testing"];

/// Each foreign crate that is kept in its place, with the folders that may name it.
pub(super) const CRATES: &[(&str, &str)] = &[
    ("rdkafka", "transport/kafka embedded"),
    ("redis", "store/redis"),
    ("axum", HTTP),
    ("axum_core", HTTP),
    ("axum_extra", HTTP),
    ("http", HTTP),
    ("http_body", HTTP),
    ("http_body_util", HTTP),
    ("ring", "principal"),
    ("hyper", "service"),
    ("hyper_util", "service"),
    ("sqlx", "store/postgres outbox"),
];

/// `prelude` and `__private` hand axum's own items on, to service authors and to what macros write; `testing` has
/// handlers of its own.
const HTTP: &str = "http extract response routing service prelude __private testing";

/// Why `file` (its path under `src`) may not have `import`; `None` if it may.
pub(super) fn broken(file: &str, import: &Import) -> Option<String> {
    match import {
        Import::Folder(to) => {
            let from = top(file);
            if UNBOUND.contains(&from) || from == to || BRIDGES.contains(&(file, to.as_str())) {
                return None;
            }
            let Some((_, allowed)) = FOLDERS.iter().find(|(folder, _)| *folder == from) else {
                return Some(format!("{file}: `{from}` is in no rule: add it to FOLDERS"));
            };
            (!allows(allowed, to)).then(|| format!("{file}: `{from}` may not import `{to}`"))
        }
        Import::Crate(name) => {
            let (_, places) = CRATES.iter().find(|(krate, _)| krate == name)?;
            let allowed = places.split(' ').any(|place| lies_in(file, place));
            (!allowed).then(|| {
                format!(
                    "{file}: `{name}` is named outside {}",
                    places.replace(' ', ", ")
                )
            })
        }
    }
}

/// The folder or file directly under `src` that `file` is, or is in.
pub(super) fn top(file: &str) -> &str {
    let first = file.split('/').next().unwrap_or(file);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// Whether a list of folders has `folder`.
pub(super) fn allows(list: &str, folder: &str) -> bool {
    list.split(' ').any(|allowed| allowed == folder)
}

fn lies_in(file: &str, place: &str) -> bool {
    file.strip_prefix(place)
        .is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
}
