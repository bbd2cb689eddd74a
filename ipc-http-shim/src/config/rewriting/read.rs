//! Reading what a route changes.

use http::{HeaderName, HeaderValue};
use toml::Spanned;
use toml::de::DeValue;

use super::headers::forbidden;
use super::{HeaderChanges, Passing, PathRewrite, Rewriting};
use crate::config::mistake::{Located, Report};
use crate::config::secret::{self, Resolved, is_secret_header};
use crate::config::section::{Section, kind, text_of};

const REQUEST: &str = "request_headers";
const RESPONSE: &str = "response_headers";
pub(in crate::config) const KEYS: &[&str] = &["set", "add", "remove"];

/// Reads what a route for `path` changes.
pub(in crate::config) fn read(
    route: &Section<'_>,
    path: Option<&Located<String>>,
    report: &mut Report<'_>,
) -> Rewriting {
    Rewriting {
        path: read_path(route, "rewrite", path, report),
        request_headers: read_headers(route, Passing::Request, report),
        response_headers: read_headers(route, Passing::Response, report),
    }
}

/// Reads the path under `key`, which may name parameters of the route's `path`.
pub(in crate::config) fn read_path(
    section: &Section<'_>,
    key: &str,
    path: Option<&Located<String>>,
    report: &mut Report<'_>,
) -> Option<PathRewrite> {
    let Located { value, place } = section.text(key, report)?;
    let checked = PathRewrite::parse(&value).and_then(|rewrite| {
        let fault = path.and_then(|path| rewrite.fault(&path.value));
        fault.map_or(Ok(rewrite), Err)
    });
    match checked {
        Ok(rewrite) => Some(rewrite),
        Err((what, mend)) => {
            report.add(place, format!("{key} {what}"), mend);
            None
        }
    }
}

fn read_headers(route: &Section<'_>, passing: Passing, report: &mut Report<'_>) -> HeaderChanges {
    let (key, title) = match passing {
        Passing::Request => (REQUEST, "[routes.request_headers]"),
        Passing::Response => (RESPONSE, "[routes.response_headers]"),
    };
    let mut changes = HeaderChanges::default();
    let Some(value) = route.get(key) else {
        return changes;
    };
    let DeValue::Table(table) = value.get_ref() else {
        report.add(
            report.place(&value.span()),
            format!("{key} is {}", kind(value.get_ref())),
            format!("make it a table, under a line {title}"),
        );
        return changes;
    };
    let section = Section::open(title, table, value.span(), KEYS, report);
    changes.remove = read_removed(&section, passing, report);
    changes.set = read_values(&section, "set", passing, report);
    changes.add = read_values(&section, "add", passing, report);
    check_idle(&section, &changes, report);
    changes
}

fn read_removed(
    section: &Section<'_>,
    passing: Passing,
    report: &mut Report<'_>,
) -> Vec<HeaderName> {
    let Some(value) = section.get("remove") else {
        return Vec::new();
    };
    let DeValue::Array(names) = value.get_ref() else {
        report.add(
            report.place(&value.span()),
            format!("remove is {}", kind(value.get_ref())),
            "write a list of headers, as in [\"cookie\"]",
        );
        return Vec::new();
    };
    let names = names.iter().filter_map(|name| {
        let text = text_of(name.get_ref()).unwrap_or_default();
        let place = report.place(&name.span());
        read_name(&Located { value: text, place }, passing, false, report)
    });
    names.collect()
}

pub(in crate::config) fn read_values(
    section: &Section<'_>,
    key: &str,
    passing: Passing,
    report: &mut Report<'_>,
) -> Vec<(HeaderName, HeaderValue)> {
    let Some(value) = section.get(key) else {
        return Vec::new();
    };
    let DeValue::Table(table) = value.get_ref() else {
        report.add(
            report.place(&value.span()),
            format!("{key} is {}", kind(value.get_ref())),
            format!("write headers and their values, as in {key} = {{ x-tenant = \"acme\" }}"),
        );
        return Vec::new();
    };
    let pairs = table.iter().filter_map(|(name, value)| {
        let located = Located {
            value: name.get_ref().to_string(),
            place: report.place(&name.span()),
        };
        let name = read_name(&located, passing, key == "add", report);
        let value = read_value(&located.value, value, passing, report);
        Some((name?, value?))
    });
    pairs.collect()
}

fn read_name(
    name: &Located<String>,
    passing: Passing,
    adds: bool,
    report: &mut Report<'_>,
) -> Option<HeaderName> {
    let place = name.place.clone();
    let Ok(read) = HeaderName::try_from(&name.value) else {
        report.add(
            place,
            format!("{:?} is no header", name.value),
            "write a header's name, as in \"x-tenant\"",
        );
        return None;
    };
    match forbidden(&read, passing, adds) {
        Some((what, mend)) => {
            report.add(place, what, mend);
            None
        }
        None => Some(read),
    }
}

fn read_value(
    name: &str,
    value: &Spanned<DeValue<'_>>,
    passing: Passing,
    report: &mut Report<'_>,
) -> Option<HeaderValue> {
    // Never the value, which may be a credential.
    let unreadable = || {
        (
            "is none that a header can have".to_owned(),
            "write one line of ASCII text".to_owned(),
        )
    };
    let text = text_of(value.get_ref()).ok_or_else(unreadable);
    let read = text.and_then(|text| {
        let Resolved { text, referred } = secret::resolve(&text)?;
        // What is set on answers is told to every client.
        if passing == Passing::Request && !referred && is_secret_header(&name.to_ascii_lowercase())
        {
            return Err((
                "is a secret in plain text".to_owned(),
                "write \"${env:NAME}\" or \"${file:/path}\" in its place".to_owned(),
            ));
        }
        let mut value = HeaderValue::from_str(&text).map_err(|_| unreadable())?;
        value.set_sensitive(referred);
        Ok(value)
    });
    match read {
        Ok(value) => Some(value),
        Err((what, mend)) => {
            let what = format!("the value of header {name:?} {what}");
            report.add(report.place(&value.span()), what, mend);
            None
        }
    }
}

/// Says what has no effect.
fn check_idle(section: &Section<'_>, changes: &HeaderChanges, report: &mut Report<'_>) {
    for name in &changes.remove {
        let put_back = |list: &[(HeaderName, HeaderValue)]| list.iter().any(|(put, _)| put == name);
        let (what, mend) = if put_back(&changes.set) {
            ("set", "set alone replaces it")
        } else if put_back(&changes.add) {
            ("add", "write it under set, which replaces it")
        } else {
            continue;
        };
        report.add(
            section.place(report),
            format!(
                "header {:?} stands under both remove and {what}",
                name.as_str()
            ),
            mend,
        );
    }
}
