//! Who alone may ask for an operation.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;

use crate::auth::Principal;

/// Tells a principal from every other, without naming it.
pub(crate) fn owner(principal: &Principal) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    let credential = principal.credential();
    for part in [credential.name(), principal.issuer(), principal.subject()] {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(hash.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Credential;

    #[test]
    fn an_owner_is_told_by_credential_issuer_and_subject_and_not_by_scopes() {
        let of = |credential, issuer: &str, subject: &str, scopes: &[&str]| {
            let scopes = scopes.iter().map(ToString::to_string).collect();
            owner(&Principal::new(credential, issuer, subject, scopes))
        };
        let ann = of(Credential::Jwt, "https://id", "ann", &[]);

        assert_eq!(ann, of(Credential::Jwt, "https://id", "ann", &["more"]));
        for other in [
            of(Credential::Jwt, "https://id", "bob", &[]),
            of(Credential::Jwt, "https://ida", "nn", &[]),
            of(Credential::ApiKey, "https://id", "ann", &[]),
        ] {
            assert_ne!(ann, other);
        }
        assert!(!ann.contains("ann"));
    }
}
