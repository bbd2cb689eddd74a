//! Reading `[tls]`.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeTable;

use super::mistake::Report;
use super::section::Section;
use super::value::{Count, FromText};
use crate::tls::{ClientAuth, Clients, ServerFiles, ServerTls, TlsError};

const TITLE: &str = "[tls]";
pub(super) const KEYS: &[&str] = &[
    "certificate",
    "key",
    "client_ca",
    "client_auth",
    "handshake_timeout",
    "handshakes",
];

/// The keys that name files, here and in `[legacy_tls]`.
pub(super) const FILES: &[&str] = &["certificate", "key", "client_ca", "ca"];

/// TLS towards HTTP clients.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Tls {
    /// Certificate and key, and whose clients' certificates are good.
    pub server: ServerTls,
    /// How long a handshake may take, the wait for its turn included. Default: 10 s.
    pub handshake_timeout: Duration,
    /// How many handshakes may be under way at once; more wait for their turn.
    /// Default: 256.
    pub handshakes: usize,
}

impl Tls {
    /// TLS with the defaults for handshakes.
    #[must_use]
    pub fn new(server: ServerTls) -> Self {
        Self {
            server,
            handshake_timeout: Duration::from_secs(10),
            handshakes: 256,
        }
    }
}

/// Reads how connections are secured, and the files that say so.
pub(super) fn read<'a>(
    table: &'a DeTable<'a>,
    span: Range<usize>,
    report: &mut Report<'_>,
) -> Option<Tls> {
    let section = Section::open(TITLE, table, span, KEYS, report);
    let certificate = needed(&section, "certificate", report);
    let key = needed(&section, "key", report);
    let ca = file(&section, "client_ca", report);
    let auth = section.value::<ClientAuth>("client_auth", report);
    let timeout = section.value("handshake_timeout", report);
    let handshakes = section.value::<Count>("handshakes", report);
    if let (Some(auth), false) = (&auth, section.get("client_ca").is_some()) {
        report.add(
            auth.place.clone(),
            "client_auth is set, and nothing says whose certificates are good",
            "name the file with their authorities, as in client_ca = \"/etc/tls/clients.pem\"",
        );
    }
    let auth = auth.map(|auth| auth.value).unwrap_or_default();
    let files = ServerFiles {
        certificate: certificate?,
        key: key?,
        clients: ca.map(|ca| Clients { ca, auth }),
    };
    let server = ServerTls::read(files).map_err(|error| tell(&section, error, report));
    let mut tls = Tls::new(server.ok()?);
    if let Some(timeout) = timeout {
        tls.handshake_timeout = timeout.value;
    }
    if let Some(Count(handshakes)) = handshakes.map(|read| read.value) {
        tls.handshakes = handshakes.into();
    }
    Some(tls)
}

/// The file under `key`. What stands there in the place of a path is never shown.
pub(super) fn file(section: &Section<'_>, key: &str, report: &mut Report<'_>) -> Option<PathBuf> {
    let text = section.text(key, report)?;
    let (what, mend) = if text.value.contains("-----BEGIN") {
        ("holds PEM", "write it into a file, and name that")
    } else if text.value.is_empty() {
        ("is empty", "name a file")
    } else {
        return Some(PathBuf::from(text.value));
    };
    report.add(text.place, format!("{key} {what}"), mend);
    None
}

fn needed(section: &Section<'_>, key: &str, report: &mut Report<'_>) -> Option<PathBuf> {
    if section.get(key).is_none() {
        report.add(
            section.place(report),
            format!("{TITLE} has no {key}"),
            format!("name its file, as in {key} = \"/etc/tls/{key}.pem\""),
        );
    }
    file(section, key, report)
}

/// Says what is wrong with a file at the place of its setting.
pub(super) fn tell(section: &Section<'_>, error: TlsError, report: &mut Report<'_>) {
    let TlsError {
        setting,
        what,
        mend,
    } = error;
    report.add(section.place_of(setting, report), what, mend);
}

impl FromText for ClientAuth {
    const EXPECTED: &'static str = "what becomes of a client without a certificate";
    const MEND: &'static str = "write \"required\" or \"optional\"";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "required" => Some(Self::Required),
            "optional" => Some(Self::Optional),
            _ => None,
        }
    }
}
