//! Reading `[webhook]`.

use std::ops::Range;

use http::Uri;
use http::uri::Scheme;
use toml::de::DeTable;

use super::mistake::Report;
use super::rewriting::{Passing, read_values};
use super::secret;
use super::section::Section;
use crate::migration::Webhook;

pub(super) const KEYS: &[&str] = &["url", "headers"];

/// Reads who is told of the steps of routes that move.
pub(super) fn read<'a>(
    table: &'a DeTable<'a>,
    span: Range<usize>,
    report: &mut Report<'_>,
) -> Option<Webhook> {
    let section = Section::open("[webhook]", table, span, KEYS, report);
    let headers = read_values(&section, "headers", Passing::Request, report);
    let Some(url) = section.text("url", report) else {
        if section.get("url").is_none() {
            report.add(
                section.place(report),
                "[webhook] has no url",
                "name one, as in url = \"https://hooks.example/ipc\"",
            );
        }
        return None;
    };
    match address(&url.value) {
        Ok(url) => {
            let mut webhook = Webhook::new(url);
            webhook.headers = headers;
            Some(webhook)
        }
        Err((what, mend)) => {
            report.add(url.place, format!("url {what}"), mend);
            None
        }
    }
}

/// Where it is told. What is wrong is said without the text, which may be a secret.
fn address(text: &str) -> Result<Uri, (String, String)> {
    let resolved = secret::resolve(text)?.text;
    let uri: Option<Uri> = resolved.parse().ok();
    let is_known = |uri: &Uri| {
        let scheme = uri.scheme();
        scheme == Some(&Scheme::HTTP) || scheme == Some(&Scheme::HTTPS)
    };
    uri.filter(is_known).ok_or_else(|| {
        (
            "is not the address of an HTTP server".to_owned(),
            "write \"https://host/path\", or \"http://host:port/path\"".to_owned(),
        )
    })
}
