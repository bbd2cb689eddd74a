//! The methods that a route takes.

use http::Method;
use toml::de::DeValue;

use crate::config::mistake::{Located, Report};
use crate::config::section::{Section, text_of};

/// Reads them; none where it takes every one.
pub(super) fn read(section: &Section<'_>, report: &mut Report<'_>) -> Vec<Method> {
    let single = section.text("method", report);
    let Some(several) = section.get("methods") else {
        return single
            .into_iter()
            .filter_map(|method| read_method(method, report))
            .collect();
    };
    let place = report.place(&several.span());
    if section.get("method").is_some() {
        report.add(
            place.clone(),
            "a route has both method and methods",
            "keep one of them",
        );
    }
    let names = match several.get_ref() {
        DeValue::Array(names) if !names.is_empty() => names,
        _ => {
            report.add(
                place,
                "methods is not a list of methods",
                "write it as [\"GET\", \"POST\"], or leave it out to take every method",
            );
            return Vec::new();
        }
    };
    let mut methods: Vec<Method> = Vec::new();
    for name in names.iter() {
        let place = report.place(&name.span());
        let value = text_of(name.get_ref()).unwrap_or_default();
        let method = read_method(Located { value, place }, report);
        methods.extend(method.filter(|method| !methods.contains(method)));
    }
    methods
}

/// The methods that have a meaning everywhere; others are taken as they stand.
const STANDARD: &[Method] = &[
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::TRACE,
];

fn read_method(name: Located<String>, report: &mut Report<'_>) -> Option<Method> {
    let Located { value: name, place } = name;
    let meant = STANDARD
        .iter()
        .find(|method| method.as_str().eq_ignore_ascii_case(&name));
    match Method::from_bytes(name.as_bytes()) {
        Ok(Method::CONNECT) => {
            report.add(
                place,
                "method \"CONNECT\" cannot be routed: a tunnel does not cross a log",
                "remove it",
            );
            None
        }
        Ok(method) if meant.is_none_or(|meant| *meant == method) => Some(method),
        _ => {
            let mend = meant.map_or_else(
                || "write one method, as in \"POST\"".to_owned(),
                |meant| format!("write \"{meant}\""),
            );
            report.add(place, format!("method {name:?} is not a method"), mend);
            None
        }
    }
}
