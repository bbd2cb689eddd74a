//! Which pages of other origins may call.

use std::ops::Range;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, Uri};
use toml::de::{DeTable, DeValue};

use super::mistake::{Located, Report};
use super::section::Section;
use super::value::{FromText, Truth};

pub(super) const KEYS: &[&str] = &[
    "origins",
    "methods",
    "headers",
    "expose",
    "credentials",
    "max_age",
];

/// Which pages of other origins may call, and what they may see (the Fetch standard's
/// CORS protocol).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Cors {
    /// The origins: `https://app.example`. Empty: every one.
    pub origins: Vec<HeaderValue>,
    /// The methods they may use. Default: GET, HEAD, POST, PUT, PATCH, DELETE.
    pub methods: Vec<Method>,
    /// The headers they may set. Empty: those that they ask for. Default: empty.
    pub headers: Vec<HeaderName>,
    /// The headers of answers that they may read, beside those that are always
    /// readable. Default: none.
    pub expose: Vec<HeaderName>,
    /// Whether browsers send cookies and certificates along, and let pages read the
    /// answers. Default: false.
    pub credentials: bool,
    /// How long browsers may remember what is answered to a preflight. Default: 10 min.
    pub max_age: Duration,
}

impl Cors {
    /// Pages of these origins may call, of every origin where there are none.
    #[must_use]
    pub fn of(origins: Vec<HeaderValue>) -> Self {
        Self {
            origins,
            methods: vec![
                Method::GET,
                Method::HEAD,
                Method::POST,
                Method::PUT,
                Method::PATCH,
                Method::DELETE,
            ],
            headers: Vec::new(),
            expose: Vec::new(),
            credentials: false,
            max_age: Duration::from_secs(600),
        }
    }
}

/// What one route says of pages of other origins.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum RouteCors {
    /// What the gateway says.
    #[default]
    Gateway,
    /// Nothing: preflights go where other requests go, and answers stay as they are.
    Off,
    /// This.
    Own(Cors),
}

/// Reads `cors` of a route: `"none"`, or a table.
pub(super) fn read_route(section: &Section<'_>, report: &mut Report<'_>) -> RouteCors {
    if let Some(DeValue::String(text)) = section.get("cors").map(toml::Spanned::get_ref)
        && text == "none"
    {
        return RouteCors::Off;
    }
    let table = section.table("cors", report);
    let cors = table.and_then(|(table, span)| read("[routes.cors]", table, span, report));
    cors.map_or(RouteCors::Gateway, RouteCors::Own)
}

/// Reads a table `cors`.
pub(super) fn read<'a>(
    title: &'static str,
    table: &'a DeTable<'a>,
    span: Range<usize>,
    report: &mut Report<'_>,
) -> Option<Cors> {
    let section = Section::open(title, table, span, KEYS, report);
    if section.get("origins").is_none() {
        report.add(
            section.place(report),
            format!("{title} names no origins"),
            "write them, as in origins = [\"https://app.example\"], or \"*\" for every one",
        );
    }
    let origins = section.one_or_more::<Origin>("origins", report)?;
    let every = origins.iter().any(|origin| matches!(origin, Origin::Every));
    let named = origins.into_iter().filter_map(|origin| match origin {
        Origin::Every => None,
        Origin::One(origin) => Some(origin),
    });
    let mut cors = Cors::of(named.collect());
    if every != cors.origins.is_empty() {
        report.add(
            section.place_of("origins", report),
            "origins has \"*\" beside others, or nothing at all",
            "write \"*\" alone for every origin",
        );
    }
    if let Some(methods) = section.one_or_more::<Method>("methods", report) {
        cors.methods = methods;
    }
    if let Some(headers) = section.one_or_more("headers", report) {
        cors.headers = headers;
    }
    if let Some(expose) = section.one_or_more("expose", report) {
        cors.expose = expose;
    }
    if let Some(Located {
        value: Truth(credentials),
        ..
    }) = section.value("credentials", report)
    {
        cors.credentials = credentials;
    }
    if let Some(max_age) = section.value("max_age", report) {
        cors.max_age = max_age.value;
    }
    if cors.credentials && cors.origins.is_empty() {
        report.add(
            section.place_of("credentials", report),
            "every origin may call with the credentials of whoever looks at its pages",
            "name the origins, or leave credentials out",
        );
    }
    Some(cors)
}

/// An origin, or every one.
enum Origin {
    Every,
    One(HeaderValue),
}

impl FromText for Origin {
    const EXPECTED: &'static str = "an origin";
    const MEND: &'static str = "write it as browsers do, as in \"https://app.example\" without a \
         slash at its end, or \"*\" for every one";

    fn from_text(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Every);
        }
        let uri: Uri = text.parse().ok()?;
        let bare = matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.path() == "/"
            && !text.ends_with('/')
            && uri.query().is_none()
            && !text.contains('@')
            // Browsers compare letter by letter, and write small ones.
            && !text.bytes().any(|byte| byte.is_ascii_uppercase());
        HeaderValue::from_str(text)
            .ok()
            .filter(|_| bare)
            .map(Self::One)
    }
}

impl FromText for Method {
    const EXPECTED: &'static str = "a method";
    const MEND: &'static str = "write it in upper case, as in \"POST\"";

    fn from_text(text: &str) -> Option<Self> {
        let is_upper = !text.bytes().any(|byte| byte.is_ascii_lowercase());
        Self::from_bytes(text.as_bytes()).ok().filter(|_| is_upper)
    }
}
