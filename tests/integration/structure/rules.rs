//! Who may import whom inside ipc-core.

use super::imports::Import;

/// Each folder (or file) directly under `src`, with the others that it may import. Leaves import nothing;
/// from `envelope` to `service` each stratum sees those below it.
pub(super) const FOLDERS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("metrics", &[]),
    ("health", &[]),
    ("store", &["error"]),
    ("envelope", &["error"]),
    ("contract", &["envelope", "error"]),
    ("transport", &["envelope", "error", "metrics", "health"]),
    ("embedded", &["envelope", "transport", "error"]),
    (
        "dispatch",
        &[
            "contract",
            "envelope",
            "transport",
            "store",
            "error",
            "metrics",
            "health",
        ],
    ),
    (
        "layer",
        &[
            "contract",
            "envelope",
            "transport",
            "dispatch",
            "store",
            "error",
            "metrics",
            "health",
        ],
    ),
    ("http", ADAPTER),
    ("extract", ADAPTER),
    ("response", ADAPTER),
    ("routing", ADAPTER),
    (
        "client",
        &[
            "contract",
            "envelope",
            "transport",
            "error",
            "metrics",
            "health",
        ],
    ),
    (
        "service",
        &[
            "contract",
            "envelope",
            "transport",
            "dispatch",
            "layer",
            "store",
            "http",
            "extract",
            "response",
            "routing",
            "client",
            "error",
            "metrics",
            "health",
        ],
    ),
];

/// What the folders that know HTTP may import: one another, what a record says, and what becomes of it.
const ADAPTER: &[&str] = &[
    "contract", "envelope", "dispatch", "http", "extract", "response", "routing", "error",
];

/// Single files that may import one folder more: here the client is offered as a `tower::Service` of HTTP
/// requests, which needs to know both.
pub(super) const BRIDGES: &[(&str, &str)] = &[("http/client.rs", "client")];

/// What sees everything: the roof of the crate, and what tests use.
pub(super) const UNBOUND: &[&str] = &["lib", "prelude", "__private", "testing"];

/// Each foreign crate that is kept in its place, with the folders that may name it.
pub(super) const CRATES: &[(&str, &[&str])] = &[
    ("rdkafka", &["transport/kafka", "embedded"]),
    ("axum", HTTP),
    ("axum_core", HTTP),
    ("axum_extra", HTTP),
    ("http", HTTP),
    ("http_body", HTTP),
    ("http_body_util", HTTP),
];

const HTTP: &[&str] = &["http", "extract", "response", "routing", "service"];

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
            (!allowed.contains(&to.as_str()))
                .then(|| format!("{file}: `{from}` may not import `{to}`"))
        }
        Import::Crate(name) => {
            let (_, places) = CRATES.iter().find(|(krate, _)| krate == name)?;
            let allowed = places.iter().any(|place| lies_in(file, place));
            (!allowed).then(|| format!("{file}: `{name}` is named outside {}", places.join(", ")))
        }
    }
}

/// The folder or file directly under `src` that `file` is, or is in.
pub(super) fn top(file: &str) -> &str {
    let first = file.split('/').next().unwrap_or(file);
    first.strip_suffix(".rs").unwrap_or(first)
}

fn lies_in(file: &str, place: &str) -> bool {
    file.strip_prefix(place)
        .is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
}
