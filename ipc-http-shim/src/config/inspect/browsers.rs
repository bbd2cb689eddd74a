//! What browsers are told, as it is shown.

use http::{HeaderName, HeaderValue, Method};
use toml_writer::ToTomlKey as _;

use super::effective::{Page, duration, list, quoted};
use super::explain::Told;
use super::origin::Origins;
use crate::config::{Config, Cors, Route, RouteCors};

/// Writes `[cors]` and `[security_headers]`.
pub(super) fn write(page: &mut Page, config: &Config, origins: &Origins<'_>) {
    match &config.cors {
        Some(cors) => {
            page.table("[cors]", None);
            for (key, value) in parts(cors) {
                page.set(key, &value, &origins.at_path(&["cors"], key));
            }
        }
        None => page.unset("cors", "browsers are told what who answers says"),
    }
    if !config.security_headers.is_empty() {
        page.table("[security_headers]", None);
    }
    for (name, value) in &config.security_headers {
        let origin = origins.at_path(&["security_headers"], name.as_str());
        page.set(name.as_str(), &quoted(&text(value)), &origin);
    }
}

/// Writes what a route says of its own.
pub(super) fn write_route(page: &mut Page, index: usize, route: &Route, origins: &Origins<'_>) {
    let origin = origins.of_route(index, "cors");
    match &route.cors {
        RouteCors::Gateway => {}
        RouteCors::Off => page.set("cors", &quoted("none"), &origin),
        RouteCors::Own(cors) => {
            let parts = parts(cors).into_iter();
            let parts: Vec<String> = parts
                .map(|(key, value)| format!("{} = {value}", key.to_toml_key()))
                .collect();
            page.set("cors", &format!("{{ {} }}", parts.join(", ")), &origin);
        }
    }
}

/// Says which pages may call a route.
pub(super) fn tell_route(told: &mut Told, config: &Config, route: &Route) {
    let cors = match &route.cors {
        RouteCors::Gateway => config.cors.as_ref(),
        RouteCors::Off => None,
        RouteCors::Own(cors) => Some(cors),
    };
    let Some(cors) = cors else { return };
    let origins = match cors.origins.as_slice() {
        [] => "every origin".to_owned(),
        origins => origins.iter().map(text).collect::<Vec<_>>().join(", "),
    };
    told.say(format_args!(
        "pages of: {origins}; their preflights are answered here, and ask nobody who calls"
    ));
}

fn parts(cors: &Cors) -> Vec<(&'static str, String)> {
    let origins: Vec<String> = cors.origins.iter().map(text).collect();
    let origins = match origins.as_slice() {
        [] => quoted("*"),
        origins => list(origins.iter().map(String::as_str)),
    };
    let mut parts = vec![
        ("origins", origins),
        ("methods", list(cors.methods.iter().map(Method::as_str))),
    ];
    for (key, names) in [("headers", &cors.headers), ("expose", &cors.expose)] {
        if !names.is_empty() {
            parts.push((key, list(names.iter().map(HeaderName::as_str))));
        }
    }
    parts.push(("credentials", cors.credentials.to_string()));
    parts.push(("max_age", quoted(&duration(cors.max_age))));
    parts
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
