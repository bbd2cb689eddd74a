//! API keys.
//!
//! A key that is made here has 256 random bits, so that its SHA-256 can stand in a
//! file: there is nothing to guess, and a slow password hash would only slow requests
//! down. A key that a person has thought of has no such hash, and is not for here.

use std::collections::HashMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use toml_writer::ToTomlValue;

use super::Principal;
use crate::config::{Auth, Credential, KeyHash};

/// What every key that is made here begins with, so that one in a wrong place is
/// recognised: by people, and by what searches repositories for secrets.
const PREFIX: &str = "ipc_";

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
        let mut equal = same.iter().filter(|(known, _)| known.is(&hash));
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
