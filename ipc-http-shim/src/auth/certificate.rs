//! Client certificates.

use std::fmt;

use super::Principal;
use crate::config::{Auth, CertificateName, Credential};
use crate::peer::ClientCertificate;

/// The certificates that are known, by what they say. That they are real is settled by
/// the handshake.
pub(super) struct Certificates(Vec<(CertificateName, Principal)>);

impl Certificates {
    pub(super) fn new(auth: &Auth) -> Self {
        let known = auth.certificates.iter().map(|known| {
            let principal = Principal::new(
                Credential::Mtls,
                String::new(),
                &*known.name,
                known.scopes.clone(),
            );
            (known.certificate.clone(), principal)
        });
        Self(known.collect())
    }

    /// Whose certificate this is: of the first in the file that it has the name of.
    pub(super) fn find(&self, certificate: &ClientCertificate) -> Option<Principal> {
        let mut fit = self.0.iter().filter(|(name, _)| has(certificate, name));
        fit.next().map(|(_, principal)| principal.clone())
    }
}

fn has(certificate: &ClientCertificate, name: &CertificateName) -> bool {
    match name {
        CertificateName::Uri(uri) => certificate.uris.contains(uri),
        // RFC 4343: without regard to case.
        CertificateName::Dns(name) => {
            let mut names = certificate.dns_names.iter();
            names.any(|is| is.eq_ignore_ascii_case(name))
        }
        CertificateName::Email(email) => certificate.emails.contains(email),
        CertificateName::CommonName(name) => certificate.common_name.as_ref() == Some(name),
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|(_, principal)| principal.subject());
        f.debug_list().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;
    use crate::config::KnownCertificate;

    fn billing() -> ClientCertificate {
        let names = vec!["billing.internal".to_owned()];
        let mut params = CertificateParams::new(names).expect("it is a name");
        params
            .distinguished_name
            .push(DnType::CommonName, "billing");
        let uri = "spiffe://acme/billing".try_into().expect("it is ASCII");
        params.subject_alt_names.push(SanType::URI(uri));
        let certificate = params.self_signed(&KeyPair::generate().expect("a key"));
        ClientCertificate::read(certificate.expect("a certificate").der()).expect("it is one")
    }

    fn found(name: CertificateName) -> Option<Principal> {
        let scopes = vec!["orders:read".to_owned()];
        let auth = Auth {
            certificates: vec![KnownCertificate::new("b", name, scopes)],
            ..Auth::default()
        };
        Certificates::new(&auth).find(&billing())
    }

    #[test]
    fn a_certificate_is_known_by_any_of_its_names_and_by_no_other() {
        for name in [
            CertificateName::Uri("spiffe://acme/billing".to_owned()),
            CertificateName::Dns("Billing.internal".to_owned()),
            CertificateName::CommonName("billing".to_owned()),
        ] {
            let principal = found(name).expect("it is known");
            assert_eq!(principal.subject(), "b");
            assert_eq!(principal.credential(), Credential::Mtls);
            assert_eq!(principal.scopes(), ["orders:read"]);
        }
        for name in [
            CertificateName::Uri("spiffe://acme/billing/".to_owned()),
            CertificateName::Dns("internal".to_owned()),
            // A name of another kind is another name.
            CertificateName::Dns("billing".to_owned()),
            CertificateName::CommonName("billing.internal".to_owned()),
            CertificateName::Email("billing".to_owned()),
        ] {
            assert_eq!(found(name), None);
        }
    }
}
