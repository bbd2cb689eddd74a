//! The keys an issuer shows (RFC 7517).

use std::fmt;
use std::sync::Arc;

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use serde::Deserialize;

use crate::config::TokenAlgorithm;

/// How many keys of one issuer are looked at.
const MOST: usize = 100;

/// The keys of one issuer that can verify tokens.
#[derive(Default)]
pub(super) struct KeySet {
    /// Another one for every other set.
    pub(super) generation: u64,
    keys: Vec<Arc<Key>>,
}

/// One key.
pub(super) struct Key {
    id: Option<String>,
    algorithm: TokenAlgorithm,
    pub(super) decoding: DecodingKey,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    /// Reads a document. Keys that are for something else, or of a kind that is not
    /// known here, are left out.
    ///
    /// # Errors
    ///
    /// Why there is no key in it that can verify anything.
    pub(super) fn parse(document: &[u8]) -> Result<Self, &'static str> {
        let document: Document =
            serde_json::from_slice(document).map_err(|_| "it is no set of JSON web keys")?;
        let keys = document.keys.into_iter().take(MOST);
        let keys: Vec<Arc<Key>> = keys.filter_map(Key::of).map(Arc::new).collect();
        if keys.is_empty() {
            return Err("none of its keys is for RS256, ES256 or EdDSA");
        }
        Ok(Self {
            generation: 0,
            keys,
        })
    }

    /// The one key that this can be. A token without a key id is only verified where
    /// there is no choice.
    pub(super) fn find(&self, id: Option<&str>, algorithm: TokenAlgorithm) -> Option<&Arc<Key>> {
        let mut fit = self
            .keys
            .iter()
            .filter(|key| key.algorithm == algorithm && (id.is_none() || key.id.as_deref() == id));
        let first = fit.next();
        first.filter(|_| fit.next().is_none())
    }

    /// Whether the issuer has shown its keys at all.
    pub(super) fn is_known(&self) -> bool {
        !self.keys.is_empty()
    }
}

impl Key {
    fn of(value: serde_json::Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let (algorithm, named) = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => (TokenAlgorithm::Rs256, KeyAlgorithm::RS256),
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
                (TokenAlgorithm::Es256, KeyAlgorithm::ES256)
            }
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                (TokenAlgorithm::EdDsa, KeyAlgorithm::EdDSA)
            }
            _ => return None,
        };
        let common = &jwk.common;
        let signs = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature));
        if !signs || common.key_algorithm.is_some_and(|alg| alg != named) {
            return None;
        }
        Some(Self {
            id: common.key_id.clone(),
            algorithm,
            decoding: DecodingKey::from_jwk(&jwk).ok()?,
        })
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.keys.iter().map(|key| (&key.id, key.algorithm));
        f.debug_list().entries(ids).finish()
    }
}
