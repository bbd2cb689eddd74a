//! API keys.
//!
//! A key that is made here has 256 random bits, so that its SHA-256 can stand in a
//! file: there is nothing to guess, and a slow password hash would only slow requests
//! down. A key that a person has thought of has no such hash, and is not for here.

use std::collections::HashMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use subtle::ConstantTimeEq as _;
use toml_writer::ToTomlValue;

use super::Principal;
use crate::config::{Auth, Credential};

/// What every key that is made here begins with, so that one in a wrong place is
/// recognised: by people, and by what searches repositories for secrets.
const PREFIX: &str = "ipc_";

/// The SHA-256 of an API key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// The hash of a key.
    #[must_use]
    pub fn of(key: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, key).as_ref());
        Self(hash)
    }

    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).ok()?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(Self(hash))
    }

    /// By how it is looked up. An attacker who could time the look-up would learn of a
    /// hash how it begins, and of its key nothing.
    fn beginning(&self) -> [u8; 8] {
        let mut beginning = [0; 8];
        beginning.copy_from_slice(&self.0[..8]);
        beginning
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyHash({self})")
    }
}

/// A new key.
///
/// # Errors
///
/// Where the system has no randomness to give.
pub fn make() -> Result<String, NoRandomness> {
    let mut secret = [0; 32];
    SystemRandom::new()
        .fill(&mut secret)
        .map_err(|_| NoRandomness)?;
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret)))
}

/// A new key of `name`, and the lines that a configuration knows it by, as they are
/// shown to whoever asked for it.
///
/// # Errors
///
/// Where the system has no randomness to give.
pub fn made(name: &str, scopes: &[String]) -> Result<String, NoRandomness> {
    let key = make()?;
    let hash = KeyHash::of(key.as_bytes());
    let scopes: Vec<String> = scopes.iter().map(ToTomlValue::to_toml_value).collect();
    Ok(format!(
        "# The key, which is shown this once:\n{key}\n\n\
         # What the configuration knows it by:\n\
         [[auth.api_keys]]\nname = {}\nsha256 = \"{hash}\"\nscopes = [{}]\n",
        name.to_toml_value(),
        scopes.join(", ")
    ))
}

/// The system has no randomness to give.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the system gives no random bytes: try again, or look at its log")]
pub struct NoRandomness;

/// The keys that are known.
pub(super) struct ApiKeys(HashMap<[u8; 8], Vec<(KeyHash, Principal)>>);

impl ApiKeys {
    pub(super) fn new(auth: &Auth) -> Self {
        let mut keys: HashMap<_, Vec<_>> = HashMap::new();
        for key in &auth.api_keys {
            let principal = Principal::new(
                Credential::ApiKey,
                String::new(),
                &*key.name,
                key.scopes.clone(),
            );
            let same = keys.entry(key.hash.beginning()).or_default();
            same.push((key.hash, principal));
        }
        Self(keys)
    }

    /// Whose key this is.
    pub(super) fn find(&self, key: &[u8]) -> Option<Principal> {
        let hash = KeyHash::of(key);
        let same = self.0.get(&hash.beginning())?;
        let mut equal = same
            .iter()
            .filter(|(known, _)| known.0.ct_eq(&hash.0).into());
        equal.next().map(|(_, principal)| principal.clone())
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_as_it_is_shown() {
        let hash = KeyHash::of(b"ipc_key");
        assert_eq!(KeyHash::parse(&hash.to_string()), Some(hash));
        assert_eq!(
            KeyHash::of(b"abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn what_is_no_hash_is_not_read() {
        let hash = KeyHash::of(b"").to_string();
        for text in ["", "ab", &hash[1..], &format!("+{}", &hash[1..]), "é"] {
            assert_eq!(KeyHash::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_key_is_another_and_has_256_bits() {
        let (one, other) = (make().expect("a key"), make().expect("a key"));
        assert_ne!(one, other);
        let secret = one.strip_prefix(PREFIX).expect("it begins as keys do");
        assert_eq!(
            URL_SAFE_NO_PAD.decode(secret).expect("it is text").len(),
            32
        );
    }
}
