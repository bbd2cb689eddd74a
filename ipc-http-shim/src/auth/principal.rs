//! Who a client is.

use std::sync::Arc;

use ipc_core::envelope;
use ring::digest;

use crate::config::Credential;

/// What tells a principal from every other.
pub(crate) type Fingerprint = [u8; digest::SHA256_OUTPUT_LEN];

/// A client that has proved who it is. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Principal(Arc<Inner>);

#[derive(PartialEq, Eq, Hash, Debug)]
struct Inner {
    credential: Credential,
    issuer: String,
    subject: String,
    scopes: Vec<String>,
    fingerprint: Fingerprint,
}

impl Principal {
    /// Whoever `issuer` calls `subject`; of an API key the issuer is empty, and the
    /// subject is the key's name.
    #[must_use]
    pub fn new(
        credential: Credential,
        issuer: impl Into<String>,
        subject: impl Into<String>,
        scopes: Vec<String>,
    ) -> Self {
        let (issuer, subject) = (issuer.into(), subject.into());
        Self(Arc::new(Inner {
            fingerprint: fingerprint(credential, &issuer, &subject),
            credential,
            issuer,
            subject,
            scopes,
        }))
    }

    /// How it proved who it is.
    #[must_use]
    pub fn credential(&self) -> Credential {
        self.0.credential
    }

    /// Who vouches for it; empty where the gateway itself does.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// What its issuer calls it: unique with the issuer and the credential only.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// What it may do.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.0.scopes
    }

    /// Tells it from every other, without naming it: by SHA-256 of credential, issuer and
    /// subject. Its scopes may change from one token to the next.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.0.fingerprint
    }

    /// As services are told.
    pub(super) fn to_told(&self) -> envelope::Principal {
        let Inner {
            credential,
            issuer,
            subject,
            scopes,
            fingerprint: _,
        } = &*self.0;
        envelope::Principal {
            credential: credential.name().into(),
            issuer: issuer.as_str().into(),
            subject: subject.as_str().into(),
            scopes: scopes.iter().map(|scope| scope.as_str().into()).collect(),
        }
    }

    /// The first of `scopes` that it does not have.
    pub(crate) fn lacks<'s>(&self, scopes: &'s [String]) -> Option<&'s String> {
        scopes.iter().find(|scope| !self.0.scopes.contains(scope))
    }
}

fn fingerprint(credential: Credential, issuer: &str, subject: &str) -> Fingerprint {
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in [credential.name(), issuer, subject] {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut fingerprint = [0; digest::SHA256_OUTPUT_LEN];
    fingerprint.copy_from_slice(hash.finish().as_ref());
    fingerprint
}
