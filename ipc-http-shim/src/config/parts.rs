//! `parts` of an aggregate: what the members of its document are asked for.

use std::collections::BTreeMap;

use http::Method;

use super::mistake::{Located, Report};
use super::rewriting::{self, PathRewrite};
use super::section::Section;
use super::value::FromText;
use super::{Lookup, Route, RouteFault, RouteTable, ServiceMode, Target, suggest};
use crate::spelling;

const TITLE: &str = "[routes.parts]";
/// The member that tells why others are missing.
pub(crate) const MISSING: &str = "missing";
/// How many requests one may become.
const MOST: usize = 32;

/// A member of the document that an aggregate answers with.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Part {
    /// The path it is asked for at, as a GET that another route of the gateway takes.
    pub path: PathRewrite,
    /// Whether there is no document without it. Default: the others are told, and why it
    /// is missing.
    pub required: bool,
}

impl Part {
    /// Asks for it at this path.
    #[must_use]
    pub fn new(path: PathRewrite) -> Self {
        Self {
            path,
            required: false,
        }
    }

    /// Has no document be told without it.
    #[must_use]
    pub fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }
}

/// What a part is called.
struct Member(String);

impl FromText for Member {
    const EXPECTED: &'static str = "what a part can be called";
    const MEND: &'static str = "write one of the names in parts";

    fn from_text(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }
}

/// Reads the parts of an aggregate for `path`.
pub(super) fn read(
    route: &Section<'_>,
    path: Option<&Located<String>>,
    report: &mut Report<'_>,
) -> BTreeMap<String, Part> {
    let mut parts = BTreeMap::new();
    if let Some((table, span)) = route.table("parts", report) {
        // They are called as anybody likes.
        let names: Vec<&str> = table.keys().map(|name| name.get_ref().as_ref()).collect();
        let section = Section::open(TITLE, table, span, &names, report);
        for name in names {
            let read = rewriting::read_path(&section, name, path, report);
            parts.extend(read.map(|path| (name.to_owned(), Part::new(path))));
        }
    }
    let required = route.list::<Member>("required", report).unwrap_or_default();
    for Member(name) in required {
        match parts.get_mut(&name) {
            Some(part) => part.required = true,
            None => report.add(
                route.place_of("required", report),
                format!("required names {name:?}, which is no part"),
                suggest::mend(&name, parts.keys().map(String::as_str)),
            ),
        }
    }
    parts
}

/// What keeps the aggregates of a table from being served.
pub(crate) fn faults(table: &RouteTable, legacy_is_set: bool) -> Vec<RouteFault> {
    let mut faults = Vec::new();
    for (index, route) in table.routes().iter().enumerate() {
        let Target::Aggregate(parts) = &route.target else {
            continue;
        };
        let mut add = |what: String, mend: &str| {
            faults.push(RouteFault {
                route: index,
                earlier: None,
                what: format!("path {:?} {what}", route.path),
                mend: mend.to_owned(),
            });
        };
        if route.methods != [Method::GET] {
            add(
                "is an aggregate, which asks and changes nothing".to_owned(),
                "write method = \"GET\"",
            );
        }
        if parts.is_empty() || parts.len() > MOST {
            let what = format!("is an aggregate of {} parts", parts.len());
            add(
                what,
                "name 1 to 32, as in parts = { user = \"/users/{id}\" }",
            );
        }
        for (name, part) in parts {
            if let Some((what, mend)) = fault(name, part, route, table, legacy_is_set) {
                add(format!("has a part {name:?} {what}"), &mend);
            }
        }
    }
    faults
}

/// What is wrong with one part, and its mend.
fn fault(
    name: &str,
    part: &Part,
    route: &Route,
    table: &RouteTable,
    legacy_is_set: bool,
) -> Option<(String, String)> {
    if name == MISSING {
        let what = "where it is told what is missing".to_owned();
        return Some((what, "choose another name".to_owned()));
    }
    if let Some((what, mend)) = part.path.fault(&route.path) {
        return Some((format!("whose path {what}"), mend));
    }
    // Any value stands for all: what one of them leads to instead is seen when it comes.
    let sample = part.path.fill(|_| Some("x")).ok()?;
    match table.find(&Method::GET, &spelling::usual(&sample)) {
        Lookup::Found { route, .. } if can_be_part(&route.target) => None,
        Lookup::Found { route, .. } => Some((
            format!("that goes to the route for {:?}", route.path),
            "name the path of a call, or of a legacy route".to_owned(),
        )),
        _ if legacy_is_set => None,
        _ => Some((
            format!("at {:?}, which no route takes", part.path.to_string()),
            "add a route for it, or legacy = \"http://host:port\"".to_owned(),
        )),
    }
}

/// Whether the routes of a target answer with one document.
fn can_be_part(target: &Target) -> bool {
    match target {
        Target::Service { mode, .. } => *mode == ServiceMode::Call,
        Target::Legacy => true,
        Target::Aggregate(_) => false,
    }
}
