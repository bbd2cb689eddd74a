//! Reading `[operations]`.

use std::ops::Range;
use std::time::Duration;

use toml::de::DeTable;

use super::mistake::Report;
use super::routes::ReadRoute;
use super::section::Section;
use super::value::{Bytes, FromText};
use super::{ServiceMode, Target};

pub(super) const TITLE: &str = "[operations]";
pub(super) const KEYS: &[&str] = &["path", "keep", "cache"];

/// Where and how long the answers can be had of requests that are answered later.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Operations {
    /// The path below which every one has a resource of its own. Default: `/operations`.
    pub path: String,
    /// How long an answer can be had once it is there, and the longest that a service may
    /// take over one. The topic is made with twice this as its retention. Default: 1 h.
    pub keep: Duration,
    /// How many bytes of memory all of them together may take. Default: 64 MiB.
    pub cache: usize,
}

impl Default for Operations {
    fn default() -> Self {
        Self {
            path: "/operations".to_owned(),
            keep: Duration::from_secs(60 * 60),
            cache: 64 * 1024 * 1024,
        }
    }
}

/// A path that others begin with.
struct Prefix(String);

impl FromText for Prefix {
    const EXPECTED: &'static str = "a path";
    const MEND: &'static str =
        "write it without parameters and without a slash at its end, as in \"/operations\"";

    fn from_text(text: &str) -> Option<Self> {
        let segment = |segment: &str| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            !matches!(segment, "" | "." | "..") && segment.bytes().all(fits)
        };
        let segments = text.strip_prefix('/')?;
        segments
            .split('/')
            .all(segment)
            .then(|| Self(text.to_owned()))
    }
}

/// Reads what becomes of requests that are answered later.
pub(super) fn read<'a>(
    table: &'a DeTable<'a>,
    span: Range<usize>,
    report: &mut Report<'_>,
) -> Operations {
    let section = Section::open(TITLE, table, span, KEYS, report);
    let mut operations = Operations::default();
    if let Some(path) = section.value::<Prefix>("path", report) {
        operations.path = path.value.0;
    }
    if let Some(keep) = section.value("keep", report) {
        operations.keep = keep.value;
    }
    if let Some(cache) = section.value::<Bytes>("cache", report) {
        operations.cache = cache.value.0;
    }
    operations
}

/// Tells of routes that these operations cannot serve.
pub(super) fn check(routes: &[ReadRoute], operations: &Operations, report: &mut Report<'_>) {
    if !routes.iter().any(|route| route.value.is_answered_later()) {
        return;
    }
    for route in routes {
        let Some(below) = route.value.path.strip_prefix(&operations.path) else {
            continue;
        };
        if below.starts_with('/') {
            report.add(
                route.place.clone(),
                format!(
                    "path {:?} is where accepted requests are asked for",
                    route.value.path
                ),
                "choose another, or another path in [operations]",
            );
        }
    }
    for route in routes {
        if let Some(within) = route.value.within
            && within > operations.keep
            && route.value.is_answered_later()
        {
            report.add(
                route.place.clone(),
                "within is longer than answers are kept",
                "shorten it, or lengthen keep in [operations]",
            );
        }
    }
}

impl super::Route {
    /// Whether any of its requests is answered later.
    pub(crate) fn is_answered_later(&self) -> bool {
        match self.target {
            Target::Service { mode, .. } => match mode {
                ServiceMode::Accepted => true,
                ServiceMode::Call => self.prefer || self.late_replies,
                ServiceMode::OneWay | ServiceMode::Stream | ServiceMode::WebSocket => false,
            },
            Target::Aggregate(_) | Target::Legacy => false,
        }
    }
}
