//! What only all of `[auth]` together, or a route with it, can be missing.

use super::{Auth, Credential};
use crate::config::mistake::{Place, Report};
use crate::config::section::Section;
use crate::config::{Config, Rates};

/// Checks `[auth]` by itself.
pub(super) fn check_whole(section: &Section<'_>, auth: &Auth, report: &mut Report<'_>) {
    let issuers = auth.issuers.iter().map(|issuer| &*issuer.issuer);
    let names = auth.api_keys.iter().map(|key| &*key.name);
    for (key, twice) in [("issuers", twice(issuers)), ("api_keys", twice(names))] {
        if let Some(name) = twice {
            report.add(
                section.place_of(key, report),
                format!("two of {key} are called {name:?}"),
                "keep one, or give each a name of its own",
            );
        }
    }
    let hashes = auth.api_keys.iter().map(|key| key.hash);
    if twice(hashes).is_some() {
        report.add(
            section.place_of("api_keys", report),
            "two API keys are the same",
            "make each client a key of its own",
        );
    }
    check_credentials(section, "default", &auth.default, auth, report);
}

/// Checks what a route asks of its clients.
pub(in crate::config) fn check_route(
    section: &Section<'_>,
    credentials: Option<&[Credential]>,
    scopes: &[String],
    rates: &Rates,
    auth: &Auth,
    report: &mut Report<'_>,
) {
    if let Some(credentials) = credentials {
        check_credentials(section, "auth", credentials, auth, report);
    }
    if !credentials.unwrap_or(&auth.default).is_empty() {
        return;
    }
    if !scopes.is_empty() {
        report.add(
            section.place_of("scopes", report),
            "scopes are asked for, and anybody may call",
            "say how clients prove who they are, as in auth = \"jwt\"",
        );
    }
    if rates.principal.is_some() {
        report.add(
            section.place_of("rate", report),
            "a rate is for each principal, and anybody may call",
            "say how clients prove who they are, as in auth = \"jwt\", or count by address",
        );
    }
}

/// Checks that clients are asked for the certificates that routes take.
pub(in crate::config) fn check_handshake(
    config: &Config,
    tls_is_read: bool,
    report: &mut Report<'_>,
) {
    let of_routes = config.routes.iter().filter_map(|route| route.auth.as_ref());
    let mut taken = of_routes.chain([&config.auth.default]).flatten();
    let asks = match &config.tls {
        Some(tls) => tls.server.files().clients.is_some(),
        // What is wrong with it is told already.
        None => tls_is_read,
    };
    if !asks && taken.any(|credential| *credential == Credential::Mtls) {
        report.add(
            Place::File,
            "client certificates are taken, and no client is asked for one",
            "set client_ca in [tls]",
        );
    }
}

/// Whether there is anybody who could show such a credential.
fn is_used(credential: Credential, auth: &Auth) -> bool {
    match credential {
        Credential::Jwt => !auth.issuers.is_empty(),
        Credential::ApiKey => !auth.api_keys.is_empty(),
        Credential::Mtls => !auth.certificates.is_empty(),
    }
}

fn check_credentials(
    section: &Section<'_>,
    key: &str,
    credentials: &[Credential],
    auth: &Auth,
    report: &mut Report<'_>,
) {
    for credential in credentials.iter().filter(|it| !is_used(**it, auth)) {
        let mend = match credential {
            Credential::Jwt => "add [[auth.issuers]]",
            Credential::ApiKey => "add [[auth.api_keys]], which `ipc-http-shim api-key` writes",
            Credential::Mtls => "add [[auth.certificates]]",
        };
        let what = format!("{key} takes {:?}, and there is none", credential.name());
        report.add(section.place_of(key, report), what, mend);
    }
}

fn twice<T: PartialEq + Clone>(all: impl Iterator<Item = T>) -> Option<T> {
    let mut seen: Vec<T> = Vec::new();
    for one in all {
        if seen.contains(&one) {
            return Some(one);
        }
        seen.push(one);
    }
    None
}
