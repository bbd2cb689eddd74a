//! Headers of every answer, for the sake of browsers.

use http::{HeaderName, HeaderValue};

use super::mistake::Report;
use super::section::{Section, text_of};

/// Reads `[security_headers]`.
pub(super) fn read(root: &Section<'_>, report: &mut Report<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let Some((table, _)) = root.table("security_headers", report) else {
        return Vec::new();
    };
    let mut headers = Vec::new();
    for (key, value) in table.iter() {
        let name = HeaderName::try_from(key.get_ref().as_ref());
        let Ok(name) = name else {
            report.add(
                report.place(&key.span()),
                format!("{:?} is no header", key.get_ref()),
                "write a header's name, as in x-frame-options",
            );
            continue;
        };
        let text = text_of(value.get_ref());
        match text.and_then(|text| HeaderValue::try_from(text).ok()) {
            Some(value) => headers.push((name, value)),
            None => report.add(
                report.place(&value.span()),
                format!(
                    "the value of header {:?} is none that a header can have",
                    name.as_str()
                ),
                "write one line of ASCII text",
            ),
        }
    }
    headers
}
