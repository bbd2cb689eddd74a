//! Reading `[auth]`, and what a route says of it.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::form::{NotEmpty, Tokens, Word};
use super::{ApiKey, Auth, CertificateName, Credential, Issuer, KnownCertificate, signing};
use crate::config::mistake::{Located, Report};
use crate::config::section::{Section, kind};
use crate::config::value::Truth;

const TITLE: &str = "[auth]";
pub(in crate::config) const KEYS: &[&str] = &[
    "default",
    "issuers",
    "api_keys",
    "certificates",
    "api_key_header",
    "forward_api_key",
    "forward_authorization",
    "sign",
    "remembered_tokens",
];
const ISSUER_TITLE: &str = "[[auth.issuers]]";
pub(in crate::config) const ISSUER_KEYS: &[&str] = &[
    "issuer",
    "audience",
    "jwks",
    "ca",
    "algorithms",
    "skew",
    "refresh",
    "floor",
];
const KEY_TITLE: &str = "[[auth.api_keys]]";
pub(in crate::config) const KEY_KEYS: &[&str] = &["name", "sha256", "scopes"];

const CERTIFICATE_TITLE: &str = "[[auth.certificates]]";
pub(in crate::config) const CERTIFICATE_KEYS: &[&str] =
    &["name", "uri", "dns", "email", "common_name", "scopes"];

/// Reads the table `[auth]`.
pub(in crate::config) fn read<'a>(
    table: &'a DeTable<'a>,
    span: Range<usize>,
    report: &mut Report<'_>,
) -> Auth {
    let section = Section::open(TITLE, table, span, KEYS, report);
    let mut auth = Auth {
        default: credentials(&section, "default", report).unwrap_or_default(),
        ..Auth::default()
    };
    auth.issuers = tables(&section, "issuers", report, issuer);
    auth.api_keys = tables(&section, "api_keys", report, api_key);
    auth.certificates = tables(&section, "certificates", report, certificate);
    if let Some(header) = section.value("api_key_header", report) {
        auth.api_key_header = header.value;
    }
    for (key, field) in [
        ("forward_api_key", &mut auth.forward_api_key),
        ("forward_authorization", &mut auth.forward_authorization),
    ] {
        if let Some(Located {
            value: Truth(truth),
            ..
        }) = section.value(key, report)
        {
            *field = truth;
        }
    }
    if let Some(Located {
        value: Tokens(most),
        ..
    }) = section.value("remembered_tokens", report)
    {
        auth.remembered_tokens = most;
    }
    if let Some((table, span)) = section.table("sign", report) {
        let section = Section::open("[auth.sign]", table, span, signing::SIGN_KEYS, report);
        auth.sign = signing::read(&section, report);
    }
    super::check::check_whole(&section, &auth, report);
    auth
}

/// What a route asks of its clients, and with which scopes.
pub(in crate::config) fn read_route(
    section: &Section<'_>,
    report: &mut Report<'_>,
) -> (Option<Vec<Credential>>, Vec<String>) {
    let auth = credentials(section, "auth", report);
    (auth, words(section, "scopes", report))
}

/// `"none"`, or one or several ways to prove who one is.
fn credentials(
    section: &Section<'_>,
    key: &str,
    report: &mut Report<'_>,
) -> Option<Vec<Credential>> {
    if let Some(DeValue::String(text)) = section.get(key).map(toml::Spanned::get_ref)
        && text == "none"
    {
        return Some(Vec::new());
    }
    let read = section.one_or_more::<Credential>(key, report)?;
    if read.is_empty() {
        report.add(
            section.place_of(key, report),
            format!("{key} is an empty list"),
            "write \"none\" where anybody may call",
        );
    }
    Some(read)
}

fn words(section: &Section<'_>, key: &str, report: &mut Report<'_>) -> Vec<String> {
    let words = section.one_or_more::<Word>(key, report).unwrap_or_default();
    words.into_iter().map(|Word(word)| word).collect()
}

/// Reads each table of a list; those that lack something are told and left out.
fn tables<T>(
    section: &Section<'_>,
    key: &str,
    report: &mut Report<'_>,
    read: fn(&Section<'_>, &mut Report<'_>) -> Option<T>,
) -> Vec<T> {
    let Some(value) = section.get(key) else {
        return Vec::new();
    };
    let (title, keys) = match key {
        "issuers" => (ISSUER_TITLE, ISSUER_KEYS),
        "certificates" => (CERTIFICATE_TITLE, CERTIFICATE_KEYS),
        _ => (KEY_TITLE, KEY_KEYS),
    };
    let wrong = |span: Range<usize>, is: &str, report: &mut Report<'_>| {
        let what = format!("{key} in {TITLE} is {is}");
        report.add(
            report.place(&span),
            what,
            format!("write each under a line {title}"),
        );
    };
    let DeValue::Array(items) = value.get_ref() else {
        wrong(value.span(), kind(value.get_ref()), report);
        return Vec::new();
    };
    let mut all = Vec::new();
    for item in items.iter() {
        if let DeValue::Table(table) = item.get_ref() {
            let section = Section::open(title, table, item.span(), keys, report);
            all.extend(read(&section, report));
        } else {
            wrong(
                item.span(),
                "a list with something else than tables",
                report,
            );
        }
    }
    all
}

fn issuer(section: &Section<'_>, report: &mut Report<'_>) -> Option<Issuer> {
    let name = section.value::<NotEmpty>("issuer", report);
    let audience = section.one_or_more::<NotEmpty>("audience", report);
    let jwks = section.value("jwks", report);
    for (key, mend) in [
        (
            "issuer",
            "write what stands in \"iss\", as in issuer = \"https://id.example\"",
        ),
        (
            "audience",
            "write what stands in \"aud\": without it, tokens for others would do here",
        ),
        ("jwks", "write \"https://host/path\", or the path of a file"),
    ] {
        if section.get(key).is_none() {
            let what = format!("an issuer has no {key}");
            report.add(section.place(report), what, mend);
        }
    }
    if audience.as_ref().is_some_and(Vec::is_empty) {
        report.add(
            section.place_of("audience", report),
            "an issuer has no audience",
            "write what stands in \"aud\": without it, tokens for others would do here",
        );
    }
    let (name, audience, jwks) = (name?.value.0, audience?, jwks?.value);
    let audience = audience.into_iter().map(|NotEmpty(name)| name).collect();
    let mut issuer = Issuer::new(name, audience, jwks);
    issuer.ca = section.text("ca", report).map(|ca| ca.value.into());
    if let Some(algorithms) = section.one_or_more("algorithms", report) {
        issuer.algorithms = algorithms;
    }
    for (key, field) in [
        ("skew", &mut issuer.skew),
        ("refresh", &mut issuer.refresh),
        ("floor", &mut issuer.floor),
    ] {
        if let Some(duration) = section.value(key, report) {
            *field = duration.value;
        }
    }
    Some(issuer)
}

fn api_key(section: &Section<'_>, report: &mut Report<'_>) -> Option<ApiKey> {
    let name = section.value::<Word>("name", report);
    let hash = section.value("sha256", report);
    for key in ["name", "sha256"] {
        if section.get(key).is_none() {
            report.add(
                section.place(report),
                format!("an API key has no {key}"),
                "let `ipc-http-shim api-key NAME` write it",
            );
        }
    }
    let scopes = words(section, "scopes", report);
    Some(ApiKey::new(name?.value.0, hash?.value, scopes))
}

/// What a certificate can be known by: the key, and what its text makes.
type Kind = (&'static str, fn(String) -> CertificateName);

fn certificate(section: &Section<'_>, report: &mut Report<'_>) -> Option<KnownCertificate> {
    let name = section.value::<Word>("name", report);
    if section.get("name").is_none() {
        report.add(
            section.place(report),
            "a certificate has no name",
            "write what its client is called from here on, as in name = \"billing\"",
        );
    }
    let kinds: [Kind; 4] = [
        ("uri", CertificateName::Uri),
        ("dns", CertificateName::Dns),
        ("email", CertificateName::Email),
        ("common_name", CertificateName::CommonName),
    ];
    let mut known = Vec::new();
    for (key, of) in kinds {
        let text = section.value::<NotEmpty>(key, report);
        known.extend(text.map(|text| of(text.value.0)));
    }
    let said = kinds.iter().filter(|(key, _)| section.get(key).is_some());
    if said.count() != 1 {
        report.add(
            section.place(report),
            "a certificate has not exactly one of uri, dns, email and common_name",
            "write what it is known by, as in uri = \"spiffe://acme/billing\"",
        );
        return None;
    }
    let scopes = words(section, "scopes", report);
    Some(KnownCertificate::new(name?.value.0, known.pop()?, scopes))
}
