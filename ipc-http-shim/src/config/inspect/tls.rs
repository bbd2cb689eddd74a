//! How connections are secured, as it is told.

use std::path::Path;

use super::effective::{Page, duration, quoted};
use super::explain::Told;
use super::origin::Origins;
use crate::config::Config;
use crate::tls::ClientAuth;

const SECTION: &str = "tls";

/// Writes `[tls]`: the names of files, and nothing of what stands in them.
pub(super) fn write_tls(page: &mut Page, config: &Config, origins: &Origins<'_>) {
    let Some(tls) = &config.tls else {
        return;
    };
    page.table("[tls]", None);
    let mut set = |key: &str, value: String| {
        page.set(key, &value, &origins.of_section(SECTION, key));
    };
    let files = tls.server.files();
    let file = |path: &Path| quoted(&path.display().to_string());
    set("certificate", file(&files.certificate));
    set("key", file(&files.key));
    if let Some(clients) = &files.clients {
        set("client_ca", file(&clients.ca));
        set("client_auth", quoted(auth(clients.auth)));
    }
    set(
        "handshake_timeout",
        quoted(&duration(tls.handshake_timeout)),
    );
    set("handshakes", tls.handshakes.to_string());
    if files.clients.is_none() {
        page.unset("client_ca", "clients are asked for no certificate");
    }
}

/// Writes `[legacy_tls]`, in the same way.
pub(super) fn write_legacy_tls(page: &mut Page, config: &Config, origins: &Origins<'_>) {
    let Some(tls) = &config.legacy_tls else {
        return;
    };
    page.table("[legacy_tls]", None);
    let mut set = |key: &str, path: &Path| {
        let origin = origins.of_section("legacy_tls", key);
        page.set(key, &quoted(&path.display().to_string()), &origin);
    };
    let files = tls.files();
    if let Some(ca) = &files.ca {
        set("ca", ca);
    }
    if let Some(identity) = &files.identity {
        set("certificate", &identity.certificate);
        set("key", &identity.key);
    }
    if files.ca.is_none() {
        page.unset("ca", "those are trusted that the system trusts");
    }
}

/// Says how a request arrives.
pub(super) fn tell_tls(told: &mut Told, config: &Config, origins: &Origins<'_>) {
    let Some(tls) = &config.tls else {
        return;
    };
    match &tls.server.files().clients {
        Some(clients) => told.say(format_args!(
            "comes: over TLS, a client certificate is {} ({})",
            auth(clients.auth),
            origins.of_section(SECTION, "client_ca")
        )),
        None => told.say(format_args!(
            "comes: over TLS ({})",
            origins.of_section(SECTION, "certificate")
        )),
    }
}

fn auth(auth: ClientAuth) -> &'static str {
    match auth {
        ClientAuth::Required => "required",
        ClientAuth::Optional => "optional",
    }
}
