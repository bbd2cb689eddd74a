//! Who may call, as it is shown.

use super::effective::{Page, duration, list, quoted};
use super::explain::Told;
use super::origin::Origins;
use crate::config::secret::HIDDEN;
use crate::config::{Auth, Config, Credential, KeySource, Route, TokenAlgorithm};

/// Writes `[auth]`.
pub(super) fn write_auth(page: &mut Page, auth: &Auth, origins: &Origins<'_>) {
    let of = |key: &str| origins.at_path(&["auth"], key);
    page.table("[auth]", None);
    page.set("default", &credentials(&auth.default), &of("default"));
    let header = quoted(auth.api_key_header.as_str());
    page.set("api_key_header", &header, &of("api_key_header"));
    for (key, truth) in [
        ("forward_api_key", auth.forward_api_key),
        ("forward_authorization", auth.forward_authorization),
    ] {
        page.set(key, &truth.to_string(), &of(key));
    }
    let most = auth.remembered_tokens.to_string();
    page.set("remembered_tokens", &most, &of("remembered_tokens"));
    match &auth.sign {
        Some(signing) => {
            page.table("[auth.sign]", None);
            let of = |key: &str| origins.at_path(&["auth", "sign"], key);
            page.set("id", &quoted(signing.key().id()), &of("id"));
            let kind = match signing.key().public_key() {
                Some(_) => "ed25519",
                None => "hmac",
            };
            page.set(kind, &quoted(HIDDEN), &of(kind));
        }
        None => page.unset("sign", "services are not told who calls"),
    }
    for issuer in &auth.issuers {
        page.table("[[auth.issuers]]", Some(&of("issuers")));
        let origin = of("issuers");
        let audience = issuer.audience.iter().map(String::as_str);
        let algorithms = issuer.algorithms.iter().map(|it| TokenAlgorithm::name(*it));
        let jwks = match &issuer.jwks {
            KeySource::Url(url) => url.to_string(),
            KeySource::File(path) => path.display().to_string(),
        };
        page.set("issuer", &quoted(&issuer.issuer), &origin);
        page.set("audience", &list(audience), &origin);
        page.set("jwks", &quoted(&jwks), &origin);
        if let Some(ca) = &issuer.ca {
            page.set("ca", &quoted(&ca.display().to_string()), &origin);
        }
        page.set("algorithms", &list(algorithms), &origin);
        page.set("skew", &quoted(&duration(issuer.skew)), &origin);
        page.set("refresh", &quoted(&duration(issuer.refresh)), &origin);
        page.set("floor", &quoted(&duration(issuer.floor)), &origin);
    }
    for known in &auth.certificates {
        page.table("[[auth.certificates]]", Some(&of("certificates")));
        let origin = of("certificates");
        let (key, name) = known.certificate.parts();
        page.set("name", &quoted(&known.name), &origin);
        page.set(key, &quoted(name), &origin);
        let scopes = known.scopes.iter().map(String::as_str);
        page.set("scopes", &list(scopes), &origin);
    }
    for key in &auth.api_keys {
        page.table("[[auth.api_keys]]", Some(&of("api_keys")));
        let origin = of("api_keys");
        page.set("name", &quoted(&key.name), &origin);
        page.set("sha256", &quoted(&key.hash.to_string()), &origin);
        let scopes = key.scopes.iter().map(String::as_str);
        page.set("scopes", &list(scopes), &origin);
    }
}

/// Writes what a route asks of its clients.
pub(super) fn write_route(page: &mut Page, index: usize, route: &Route, origins: &Origins<'_>) {
    match &route.auth {
        Some(taken) => page.set(
            "auth",
            &credentials(taken),
            &origins.of_route(index, "auth"),
        ),
        None => page.unset("auth", "the default of [auth]"),
    }
    if !route.scopes.is_empty() {
        let scopes = route.scopes.iter().map(String::as_str);
        page.set("scopes", &list(scopes), &origins.of_route(index, "scopes"));
    }
}

/// Says who may use a route, and who is told what.
pub(super) fn tell_route(
    told: &mut Told,
    config: &Config,
    index: usize,
    route: &Route,
    origins: &Origins<'_>,
) {
    match &route.auth {
        Some(taken) => {
            let origin = origins.of_route(index, "auth");
            tell(told, &config.auth, taken, &route.scopes, &origin);
        }
        None => tell_default(told, config, &route.scopes, origins),
    }
}

/// Says who may send what no route names.
pub(super) fn tell_unrouted(told: &mut Told, config: &Config, origins: &Origins<'_>) {
    tell_default(told, config, &[], origins);
}

fn tell_default(told: &mut Told, config: &Config, scopes: &[String], origins: &Origins<'_>) {
    let origin = format!(
        "default of [auth], {}",
        origins.at_path(&["auth"], "default")
    );
    tell(told, &config.auth, &config.auth.default, scopes, &origin);
}

fn tell(told: &mut Told, auth: &Auth, taken: &[Credential], scopes: &[String], origin: &str) {
    if taken.is_empty() {
        return told.say(format_args!("may call: anybody, from {origin}"));
    }
    let ways: Vec<String> = taken.iter().map(|way| describe(*way, auth)).collect();
    told.say(format_args!(
        "may call: who shows {}, else 401; from {origin}",
        ways.join(" or ")
    ));
    if !scopes.is_empty() {
        told.say(format_args!(
            "  and has the scopes {}, else 403",
            scopes.join(", ")
        ));
    }
    if let Some(signing) = &auth.sign {
        let id = signing.key().id();
        told.say(format_args!(
            "  a service is told who calls, signed with key {id:?}"
        ));
    }
}

fn describe(credential: Credential, auth: &Auth) -> String {
    match credential {
        Credential::Jwt => {
            let issuers: Vec<&str> = auth.issuers.iter().map(|it| &*it.issuer).collect();
            let goes = goes_on(auth.forward_authorization);
            format!("a token of {} (which {goes})", issuers.join(" or "))
        }
        Credential::ApiKey => {
            let goes = goes_on(auth.forward_api_key);
            let (header, keys) = (&auth.api_key_header, auth.api_keys.len());
            format!("one of {keys} API keys in {header} (which {goes})")
        }
        Credential::Mtls => format!("one of {} client certificates", auth.certificates.len()),
    }
}

fn goes_on(forward: bool) -> &'static str {
    if forward { "goes on" } else { "is taken away" }
}

/// As a file has it.
fn credentials(taken: &[Credential]) -> String {
    match taken {
        [] => quoted("none"),
        taken => list(taken.iter().map(|credential| credential.name())),
    }
}
