//! Who alone may ask for an operation.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::auth::Principal;

/// Tells a principal from every other, without naming it.
pub(crate) fn owner(principal: &Principal) -> String {
    URL_SAFE_NO_PAD.encode(principal.fingerprint())
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
