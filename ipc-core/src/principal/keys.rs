//! The keys on both sides.

use std::fmt;

use bytestring::ByteString;
use ring::digest::{SHA256, digest};
use ring::hmac::{self, HMAC_SHA256};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use super::assertion::{self, Assertion};
use super::claims;
use crate::envelope::UnixMillis;
use crate::envelope::principal::{Covered, Distrust, Principal, Verify};

/// Bytes of the shortest secret of an HMAC, which are those of its hash.
const SHORTEST_SECRET: usize = 32;

/// A key with which a gateway vouches for its clients.
pub struct SigningKey {
    id: String,
    secret: Secret,
}

enum Secret {
    Ed25519(Box<Ed25519KeyPair>),
    Hmac(hmac::Key),
}

/// The keys by which a service knows what was vouched for: those of its gateways, and
/// while they change keys, the old and the new ones.
#[derive(Clone, Default)]
#[must_use = "nothing is verified by keys that nobody has"]
pub struct VerifyingKeys(Vec<(String, Public)>);

#[derive(Clone)]
enum Public {
    Ed25519([u8; 32]),
    Hmac(hmac::Key),
}

/// A key that cannot be one.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("key {id:?} {why}")]
pub struct InvalidKey {
    id: String,
    why: &'static str,
}

impl SigningKey {
    /// An Ed25519 key pair in PKCS#8, in DER. `id` is what verifying keys are found by:
    /// 1 to 64 letters, digits, `-` and `_`.
    ///
    /// # Errors
    ///
    /// Where it is no such key, or the id no such id.
    pub fn ed25519(id: impl Into<String>, pkcs8: &[u8]) -> Result<Self, InvalidKey> {
        let id = checked(id.into())?;
        match Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8) {
            Ok(pair) => Ok(Self {
                id,
                secret: Secret::Ed25519(Box::new(pair)),
            }),
            Err(_) => Err(InvalidKey {
                id,
                why: "is no Ed25519 key in PKCS#8: make one with `openssl genpkey -algorithm ed25519`",
            }),
        }
    }

    /// A secret of at least 32 bytes that gateway and services share.
    ///
    /// # Errors
    ///
    /// Where it is shorter, or the id is none.
    pub fn hmac(id: impl Into<String>, secret: &[u8]) -> Result<Self, InvalidKey> {
        let (id, key) = shared(id.into(), secret)?;
        Ok(Self {
            id,
            secret: Secret::Hmac(key),
        })
    }

    /// What verifying keys are found by.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public half, which services are given; `None` for a shared secret.
    #[must_use]
    pub fn public_key(&self) -> Option<[u8; 32]> {
        match &self.secret {
            Secret::Ed25519(pair) => pair.public_key().as_ref().try_into().ok(),
            Secret::Hmac(_) => None,
        }
    }

    /// The value of `ipc-principal` for a request of `principal`, sent at `now`.
    #[must_use]
    pub fn sign(
        &self,
        principal: &Principal,
        request: &Covered<'_>,
        now: UnixMillis,
    ) -> ByteString {
        let claims = claims::write(principal, now);
        let message = request.signed_bytes(&self.id, &claims, &sha256(request.body));
        match &self.secret {
            Secret::Ed25519(pair) => {
                let signature = pair.sign(&message);
                assertion::write(&self.id, &claims, signature.as_ref())
            }
            Secret::Hmac(key) => {
                let tag = hmac::sign(key, &message);
                assertion::write(&self.id, &claims, tag.as_ref())
            }
        }
    }
}

impl VerifyingKeys {
    /// None: nobody's word is taken.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the word of who has the other half of this Ed25519 key. A key of the same
    /// id is replaced.
    ///
    /// # Errors
    ///
    /// Where the id is none.
    pub fn ed25519(self, id: impl Into<String>, public: [u8; 32]) -> Result<Self, InvalidKey> {
        let id = checked(id.into())?;
        Ok(self.with(id, Public::Ed25519(public)))
    }

    /// Takes the word of who has the same secret, of at least 32 bytes. A key of the
    /// same id is replaced.
    ///
    /// # Errors
    ///
    /// Where it is shorter, or the id is none.
    pub fn hmac(self, id: impl Into<String>, secret: &[u8]) -> Result<Self, InvalidKey> {
        let (id, key) = shared(id.into(), secret)?;
        Ok(self.with(id, Public::Hmac(key)))
    }

    fn with(mut self, id: String, key: Public) -> Self {
        self.0.retain(|(known, _)| *known != id);
        self.0.push((id, key));
        self
    }
}

impl Verify for VerifyingKeys {
    fn verify(
        &self,
        value: &[u8],
        request: &Covered<'_>,
    ) -> Result<(Principal, UnixMillis), Distrust> {
        let assertion = Assertion::parse(value).ok_or(Distrust::Unreadable)?;
        let mut keys = self.0.iter();
        let key = keys.find(|(id, _)| id == assertion.key_id);
        let (id, key) = key.ok_or(Distrust::UnknownKey)?;
        let message = request.signed_bytes(id, &assertion.claims, &sha256(request.body));
        // The key says how it signs, and never what was signed.
        let verified = match key {
            Public::Ed25519(public) => {
                UnparsedPublicKey::new(&ED25519, public).verify(&message, &assertion.signature)
            }
            Public::Hmac(key) => hmac::verify(key, &message, &assertion.signature),
        };
        verified.map_err(|_| Distrust::Forged)?;
        claims::read(&assertion.claims).ok_or(Distrust::Unreadable)
    }
}

fn sha256(body: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, body).as_ref());
    hash
}

fn shared(id: String, secret: &[u8]) -> Result<(String, hmac::Key), InvalidKey> {
    let id = checked(id)?;
    if secret.len() < SHORTEST_SECRET {
        return Err(InvalidKey {
            id,
            why: "has less than 32 bytes: make it of as many random ones",
        });
    }
    Ok((id, hmac::Key::new(HMAC_SHA256, secret)))
}

fn checked(id: String) -> Result<String, InvalidKey> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if (1..=64).contains(&id.len()) && id.bytes().all(fits) {
        return Ok(id);
    }
    Err(InvalidKey {
        id,
        why: "cannot be called so: use 1 to 64 of a-z, A-Z, 0-9, \"-\" and \"_\"",
    })
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for VerifyingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.0.iter().map(|(id, _)| id);
        f.debug_list().entries(ids).finish()
    }
}
