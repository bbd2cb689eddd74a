//! Reading `[routes.migration]`.

use std::ops::Range;

use http::HeaderName;
use toml::de::DeTable;

use super::mistake::{Located, Report};
use super::section::Section;
use super::value::{Bytes, FromText, Truth};
use crate::migration::{Bounds, Compare, Migration, ShadowedMethods, Stage, Sticky, is_pointer};

const TITLE: &str = "[routes.migration]";
pub(super) const KEYS: &[&str] = &[
    "name",
    "steps",
    "automatic",
    "requests",
    "over",
    "differences",
    "errors",
    "p99",
    "sticky",
    "fallback",
    "shadow",
    "compare",
];
const COMPARE_TITLE: &str = "[routes.migration.compare]";
pub(super) const COMPARE_KEYS: &[&str] = &["headers", "ignore", "show", "tolerance", "body"];

/// Reads how one route moves.
pub(super) fn read<'a>(
    table: &'a DeTable<'a>,
    span: Range<usize>,
    report: &mut Report<'_>,
) -> Migration {
    let section = Section::open(TITLE, table, span, KEYS, report);
    let mut migration = Migration {
        name: section.text("name", report).map(|name| name.value),
        ..Migration::default()
    };
    if let Some(steps) = section.list::<Stage>("steps", report) {
        check_steps(&section, &steps, report);
        migration.steps = steps;
    }
    if let Some(Located {
        value: Truth(automatic),
        ..
    }) = section.value("automatic", report)
    {
        migration.automatic = automatic;
    }
    migration.bounds = bounds(&section, report);
    if let Some(sticky) = section.value::<Sticky>("sticky", report) {
        migration.sticky = sticky.value;
    }
    if section.value::<ToLegacy>("fallback", report).is_some() {
        migration.fallback = true;
    }
    if let Some(shadow) = section.value::<ShadowedMethods>("shadow", report) {
        migration.shadow = shadow.value;
    }
    if let Some((table, span)) = section.table("compare", report) {
        migration.compare = compare(table, span, report);
    }
    migration
}

fn check_steps(section: &Section<'_>, steps: &[Stage], report: &mut Report<'_>) {
    if steps.is_empty() || !steps.is_sorted_by(|one, next| one < next) {
        report.add(
            section.place_of("steps", report),
            "steps do not go from less to more on Kafka",
            "write each once, in order, as in [\"shadow\", \"10%\", \"50%\", \"kafka\"]",
        );
    }
}

fn bounds(section: &Section<'_>, report: &mut Report<'_>) -> Bounds {
    let mut bounds = Bounds::default();
    if let Some(Located {
        value: Requests(requests),
        ..
    }) = section.value("requests", report)
    {
        bounds.requests = requests;
    }
    if let Some(over) = section.value("over", report) {
        bounds.over = over.value;
    }
    if let Some(Located {
        value: Share(share),
        ..
    }) = section.value("differences", report)
    {
        bounds.differences = share;
    }
    if let Some(Located {
        value: Share(share),
        ..
    }) = section.value("errors", report)
    {
        bounds.errors = share;
    }
    if let Some(p99) = section.value("p99", report) {
        bounds.p99 = p99.value;
    }
    bounds
}

fn compare<'a>(table: &'a DeTable<'a>, span: Range<usize>, report: &mut Report<'_>) -> Compare {
    let section = Section::open(COMPARE_TITLE, table, span, COMPARE_KEYS, report);
    let mut compare = Compare::default();
    if let Some(headers) = section.list::<HeaderName>("headers", report) {
        compare.headers = headers;
    }
    let places = |places: Vec<Pointer>| places.into_iter().map(|Pointer(text)| text).collect();
    if let Some(ignore) = section.list("ignore", report) {
        compare.ignore = places(ignore);
    }
    if let Some(show) = section.list("show", report) {
        compare.show = places(show);
    }
    if let Some(Located {
        value: Tolerance(tolerance),
        ..
    }) = section.value("tolerance", report)
    {
        compare.tolerance = tolerance;
    }
    if let Some(Located {
        value: Bytes(body), ..
    }) = section.value("body", report)
    {
        compare.body = body;
    }
    compare
}

impl FromText for Stage {
    const EXPECTED: &'static str = "a stage";
    const MEND: &'static str = "write \"legacy\", \"shadow\", \"1%\" to \"99%\", or \"kafka\"";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl FromText for HeaderName {
    const EXPECTED: &'static str = "the name of a header";
    const MEND: &'static str = "write one, as in \"etag\"";

    fn from_text(text: &str) -> Option<Self> {
        Self::try_from(text).ok()
    }
}

impl FromText for Sticky {
    const EXPECTED: &'static str = "what tells clients apart";
    const MEND: &'static str = "write \"client\", \"header:name\" or \"cookie:name\"";

    fn from_text(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "client" => Some(Self::Client),
            Some(("header", name)) => HeaderName::try_from(name).ok().map(Self::Header),
            Some(("cookie", name)) if !name.is_empty() => Some(Self::Cookie(name.to_owned())),
            _ => None,
        }
    }
}

impl FromText for ShadowedMethods {
    const EXPECTED: &'static str = "a choice of methods";
    const MEND: &'static str = "write \"safe\", or \"every\" where the handlers heed shadows";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "safe" => Some(Self::Safe),
            "every" => Some(Self::Every),
            _ => None,
        }
    }
}

/// Who answers what the service did not.
struct ToLegacy;

impl FromText for ToLegacy {
    const EXPECTED: &'static str = "who answers instead";
    const MEND: &'static str = "write \"legacy\", or leave it out";

    fn from_text(text: &str) -> Option<Self> {
        (text == "legacy").then_some(Self)
    }
}

/// A number of requests above zero.
struct Requests(u64);

impl FromText for Requests {
    const EXPECTED: &'static str = "a number of requests above zero";
    const MEND: &'static str = "write digits, as in 1000";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok().filter(|count| *count > 0).map(Self)
    }
}

/// A share of requests, 0 to 1.
struct Share(f64);

impl FromText for Share {
    const EXPECTED: &'static str = "a share of requests";
    const MEND: &'static str = "write \"0%\" to \"100%\", as in \"0.1%\"";

    fn from_text(text: &str) -> Option<Self> {
        let percent: f64 = text.strip_suffix('%')?.parse().ok()?;
        (0.0..=100.0)
            .contains(&percent)
            .then_some(Self(percent / 100.0))
    }
}

/// By how much numbers may differ.
struct Tolerance(f64);

impl FromText for Tolerance {
    const EXPECTED: &'static str = "a tolerance";
    const MEND: &'static str = "write a number from 0 on, as in 0.01";

    fn from_text(text: &str) -> Option<Self> {
        let tolerance: f64 = text.parse().ok()?;
        (tolerance.is_finite() && tolerance >= 0.0).then_some(Self(tolerance))
    }
}

/// Places in a JSON document.
struct Pointer(String);

impl FromText for Pointer {
    const EXPECTED: &'static str = "a place in a JSON document";
    const MEND: &'static str = "begin with a slash, as in \"/items/*/seen\"";

    fn from_text(text: &str) -> Option<Self> {
        is_pointer(text).then(|| Self(text.to_owned()))
    }
}
