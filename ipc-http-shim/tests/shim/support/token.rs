//! An issuer of tokens.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const AUDIENCE: &str = "orders-api";

/// A key pair of an issuer.
pub(crate) struct Issuing {
    pub(crate) id: &'static str,
    pair: Pair,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

impl Issuing {
    pub(crate) fn ed25519(id: &'static str) -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("it is one");
        Self {
            id,
            pair: Pair::Ed25519(pair),
        }
    }

    pub(crate) fn p256(id: &'static str) -> Self {
        let (random, how) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let document = EcdsaKeyPair::generate_pkcs8(how, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(how, document.as_ref(), &random).expect("it is one");
        Self {
            id,
            pair: Pair::P256(pair),
        }
    }

    fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Ed25519(_) => "EdDSA",
            Pair::P256(_) => "ES256",
        }
    }

    /// The public half, as an issuer shows it.
    pub(crate) fn jwk(&self) -> Value {
        match &self.pair {
            Pair::Ed25519(pair) => json!({
                "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": self.id,
                "x": text(pair.public_key().as_ref()),
            }),
            Pair::P256(pair) => {
                let point = pair.public_key().as_ref();
                json!({
                    "kty": "EC", "crv": "P-256", "alg": "ES256", "kid": self.id,
                    "x": text(&point[1..33]), "y": text(&point[33..]),
                })
            }
        }
    }

    /// A token that says `claims`, and nothing else.
    pub(crate) fn token(&self, claims: &Value) -> String {
        let header = json!({ "alg": self.algorithm(), "kid": self.id, "typ": "at+jwt" });
        self.signed(&header, claims)
    }

    /// A token with this header, whatever it says.
    pub(crate) fn signed(&self, header: &Value, claims: &Value) -> String {
        let parts = [header, claims].map(|part| text(part.to_string().as_bytes()));
        let message = parts.join(".");
        let signature = match &self.pair {
            Pair::Ed25519(pair) => text(pair.sign(message.as_bytes()).as_ref()),
            Pair::P256(pair) => {
                let random = SystemRandom::new();
                let signature = pair.sign(&random, message.as_bytes()).expect("it signs");
                text(signature.as_ref())
            }
        };
        format!("{message}.{signature}")
    }

    /// A token of `subject` that holds for an hour.
    pub(crate) fn token_of(&self, subject: &str, scope: &str) -> String {
        self.token(&claims(subject, scope))
    }
}

/// What a token of `subject` says that holds for an hour.
pub(crate) fn claims(subject: &str, scope: &str) -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "scope": scope, "exp": in_seconds(3600),
    })
}

/// So many seconds from now, as tokens tell time.
pub(crate) fn in_seconds(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or(Duration::ZERO).as_secs();
    i64::try_from(now).expect("it is not so late") + seconds
}

/// A document that shows these keys.
pub(crate) fn jwks(keys: &[&Issuing]) -> String {
    let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
    json!({ "keys": keys }).to_string()
}

/// A file that shows these keys, and `[auth]` with it.
pub(crate) fn shown(keys: &[&Issuing]) -> (NamedTempFile, String) {
    let file = NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), jwks(keys)).expect("it is written");
    let auth = issuer(&file.path().display().to_string());
    (file, auth)
}

/// `[auth]` with an issuer that shows its keys there.
pub(crate) fn issuer(jwks: &str) -> String {
    format!(
        "[[auth.issuers]]\nissuer = \"{ISSUER}\"\naudience = \"{AUDIENCE}\"\njwks = \"{jwks}\"\n"
    )
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
