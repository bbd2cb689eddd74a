//! The key with which the gateway vouches for its clients.

use std::sync::Arc;

use ipc_core::principal::SigningKey;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;

use crate::config::mistake::Report;
use crate::config::rewriting::Wrong;
use crate::config::secret;
use crate::config::section::Section;

pub(in crate::config) const SIGN_KEYS: &[&str] = &["id", "ed25519", "hmac"];

/// A key with which clients are vouched for. Equal to its own clones only.
#[derive(Clone, Debug)]
pub struct Signing(Arc<SigningKey>);

impl Signing {
    /// Vouches with `key`.
    #[must_use]
    pub fn new(key: SigningKey) -> Self {
        Self(Arc::new(key))
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &Arc<SigningKey> {
        &self.0
    }
}

impl PartialEq for Signing {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Reads `[auth.sign]`.
pub(super) fn read(section: &Section<'_>, report: &mut Report<'_>) -> Option<Signing> {
    let id = section.text("id", report);
    if section.get("id").is_none() {
        report.add(
            section.place(report),
            "a key to sign with has no id",
            "name it, as in id = \"2026-a\": services find their half by it",
        );
    }
    let kinds = ["ed25519", "hmac"].map(|kind| section.text(kind, report).map(|it| (kind, it)));
    let ([Some((kind, secret)), None] | [None, Some((kind, secret))]) = kinds else {
        report.add(
            section.place(report),
            "[auth.sign] has not exactly one of ed25519 and hmac",
            "write one of them, as in ed25519 = \"${file:/run/secrets/principal.pem}\"",
        );
        return None;
    };
    let key = key(&id?.value, kind, &secret.value);
    match key {
        Ok(key) => Some(Signing::new(key)),
        Err((what, mend)) => {
            report.add(secret.place, format!("{kind} in [auth.sign]: {what}"), mend);
            None
        }
    }
}

fn key(id: &str, kind: &str, text: &str) -> Result<SigningKey, Wrong> {
    let resolved = secret::resolve(text)?;
    if !resolved.referred {
        return Err((
            "a secret stands here in plain text".to_owned(),
            "write \"${env:NAME}\" or \"${file:/path}\" in its place".to_owned(),
        ));
    }
    let key = if kind == "hmac" {
        SigningKey::hmac(id, resolved.text.as_bytes())
    } else {
        let pem = PrivatePkcs8KeyDer::from_pem_slice(resolved.text.as_bytes());
        let pem = pem.map_err(|_| {
            (
                "it is no private key in PEM".to_owned(),
                "make one with `openssl genpkey -algorithm ed25519`".to_owned(),
            )
        })?;
        SigningKey::ed25519(id, pem.secret_pkcs8_der())
    };
    key.map_err(|error| (error.to_string(), "name or make another".to_owned()))
}
