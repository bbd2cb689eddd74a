//! What is told of aggregates.

use std::collections::BTreeMap;

use matchit::Params;
use toml_writer::ToTomlKey as _;

use super::effective::{Page, list, quoted};
use super::explain::Told;
use crate::config::Part;

/// Writes what an aggregate is made of.
pub(super) fn write_route(
    page: &mut Page,
    parts: &BTreeMap<String, Part>,
    of: impl Fn(&str) -> String,
) {
    page.set("mode", &quoted("aggregate"), &of("mode"));
    let pairs: Vec<String> = parts
        .iter()
        .map(|(name, part)| {
            format!(
                "{} = {}",
                name.to_toml_key(),
                quoted(&part.path.to_string())
            )
        })
        .collect();
    page.set(
        "parts",
        &format!("{{ {} }}", pairs.join(", ")),
        &of("parts"),
    );
    let required: Vec<&str> = required(parts).collect();
    match required.as_slice() {
        [] => page.unset("required", "any part will do"),
        names => page.set("required", &list(names.iter().copied()), &of("required")),
    }
}

/// Says what a request to an aggregate becomes.
pub(super) fn tell_route(told: &mut Told, parts: &BTreeMap<String, Part>, params: &Params<'_, '_>) {
    told.say(format_args!(
        "goes to: the routes of its parts, mode aggregate"
    ));
    for (name, part) in parts {
        let needed = if part.required { ", required" } else { "" };
        match part.path.fill(|name| params.get(name)) {
            Ok(path) => told.say(format_args!("part {name:?}: GET {path}{needed}")),
            Err(escape) => told.say(format_args!("not sent on: 400, by part {name:?}: {escape}")),
        }
    }
}

fn required(parts: &BTreeMap<String, Part>) -> impl Iterator<Item = &str> {
    let required = parts.iter().filter(|(_, part)| part.required);
    required.map(|(name, _)| name.as_str())
}
