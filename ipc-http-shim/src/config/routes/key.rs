//! What decides the key of a route's records.

use http::HeaderName;
use ipc_core::contract::Template;

use crate::config::mistake::{Located, Place, Report};
use crate::config::route::KeyRule;
use crate::config::section::Section;
use crate::config::suggest;

/// Reads it, for a route whose path is `path`.
pub(super) fn read(
    section: &Section<'_>,
    path: Option<&Located<String>>,
    report: &mut Report<'_>,
) -> KeyRule {
    let Some(Located { value, place }) = section.text("key", report) else {
        return KeyRule::Default;
    };
    let parameter = value
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    let header = value.strip_prefix("header:").map(HeaderName::try_from);
    match (parameter, header) {
        (Some(name), _) => {
            check_parameter(name, path, place, report);
            KeyRule::Path(name.to_owned())
        }
        (_, Some(Ok(name))) => KeyRule::Header(name),
        _ if value == "none" => KeyRule::None,
        _ => {
            report.add(
                place,
                format!("key {value:?} is no rule"),
                "write \"{name}\" for a path parameter, \"header:name\" for a header, or \"none\"",
            );
            KeyRule::Default
        }
    }
}

fn check_parameter(
    name: &str,
    path: Option<&Located<String>>,
    place: Place,
    report: &mut Report<'_>,
) {
    // A path that cannot be read is a mistake of its own.
    let Some(Ok(template)) = path.map(|path| Template::parse(&path.value)) else {
        return;
    };
    let known: Vec<&str> = template.params().collect();
    if known.contains(&name) {
        return;
    }
    let what = format!("key names {name:?}, which the path has no parameter for");
    let mend = if known.is_empty() {
        format!("add {{{name}}} to the path, or write \"header:name\" or \"none\"")
    } else {
        suggest::mend(name, known)
    };
    report.add(place, what, mend);
}
