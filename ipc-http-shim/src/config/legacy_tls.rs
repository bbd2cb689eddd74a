//! Reading `[legacy_tls]`.

use std::ops::Range;

use toml::de::DeTable;

use super::LegacyOrigin;
use super::mistake::Report;
use super::section::Section;
use super::tls::{file, tell};
use crate::tls::{ClientFiles, ClientIdentity, ClientTls};

const TITLE: &str = "[legacy_tls]";
pub(super) const KEYS: &[&str] = &["ca", "certificate", "key"];

/// Reads how the legacy upstream, which is at `origin`, is trusted, and what it is shown.
pub(super) fn read<'a>(
    table: &'a DeTable<'a>,
    span: Range<usize>,
    origin: Option<&LegacyOrigin>,
    report: &mut Report<'_>,
) -> Option<ClientTls> {
    let section = Section::open(TITLE, table, span, KEYS, report);
    if let Some(origin) = origin.filter(|origin| !origin.is_https()) {
        report.add(
            section.place(report),
            format!("{TITLE} is set, and legacy is {origin}"),
            "write legacy = \"https://host:port\", or remove it",
        );
    }
    let ca = file(&section, "ca", report);
    let certificate = file(&section, "certificate", report);
    let key = file(&section, "key", report);
    for (given, other) in [("certificate", "key"), ("key", "certificate")] {
        if section.get(given).is_some() && section.get(other).is_none() {
            report.add(
                section.place_of(given, report),
                format!("{TITLE} has a {given} and no {other}"),
                format!("name its file, as in {other} = \"/etc/tls/legacy.pem\""),
            );
        }
    }
    let identity = certificate
        .zip(key)
        .map(|(certificate, key)| ClientIdentity { certificate, key });
    let read = ClientTls::read(ClientFiles { ca, identity });
    read.map_err(|error| tell(&section, error, report)).ok()
}
