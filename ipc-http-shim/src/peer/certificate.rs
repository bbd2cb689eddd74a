//! The certificate with which a client has said who it is.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// What a client's certificate says of it. Its chain and that the client holds its key
/// were verified by the handshake, and nothing of this is looked at before.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ClientCertificate {
    /// The whole certificate, in DER.
    pub der: Vec<u8>,
    /// Its subject, as in `O=Acme, CN=billing`. Empty where only its names say whom it
    /// is for.
    pub subject: String,
    /// The subject's common name, where there is one.
    pub common_name: Option<String>,
    /// The DNS names it is for.
    pub dns_names: Vec<String>,
    /// The URIs it is for: of a workload, its SPIFFE id.
    pub uris: Vec<String>,
    /// The mail addresses it is for.
    pub emails: Vec<String>,
}

/// A certificate that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the certificate is not of X.509's form: {0}")]
pub struct UnreadableCertificate(String);

impl ClientCertificate {
    /// Reads a certificate in DER. It is not verified.
    ///
    /// # Errors
    ///
    /// Where it is not of X.509's form.
    pub fn read(der: &[u8]) -> Result<Self, UnreadableCertificate> {
        let unreadable = |error: &dyn ToString| UnreadableCertificate(error.to_string());
        let (_, read) = X509Certificate::from_der(der).map_err(|error| unreadable(&error))?;
        let names = read.subject_alternative_name();
        let names = names.map_err(|error| unreadable(&error))?;
        let common_names = read.subject().iter_common_name();
        let mut certificate = Self {
            der: der.to_vec(),
            subject: read.subject().to_string(),
            common_name: common_names
                .filter_map(|name| name.as_str().ok())
                .map(str::to_owned)
                .next(),
            dns_names: Vec::new(),
            uris: Vec::new(),
            emails: Vec::new(),
        };
        for name in names.iter().flat_map(|names| &names.value.general_names) {
            match name {
                GeneralName::DNSName(name) => certificate.dns_names.push((*name).to_owned()),
                GeneralName::URI(uri) => certificate.uris.push((*uri).to_owned()),
                GeneralName::RFC822Name(mail) => certificate.emails.push((*mail).to_owned()),
                _ => {}
            }
        }
        Ok(certificate)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};

    use super::*;

    fn made(params: CertificateParams) -> ClientCertificate {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        ClientCertificate::read(certificate.der()).expect("it can be read")
    }

    #[test]
    fn a_certificate_says_subject_and_names() {
        let mut params =
            CertificateParams::new(["billing.internal".to_owned()]).expect("it is a name");
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Acme");
        params
            .distinguished_name
            .push(DnType::CommonName, "billing");
        let uri = "spiffe://acme/billing".try_into().expect("it is ASCII");
        params.subject_alt_names.push(SanType::URI(uri));
        let mail = "billing@acme.example".try_into().expect("it is ASCII");
        params.subject_alt_names.push(SanType::Rfc822Name(mail));

        let certificate = made(params);

        assert_eq!(certificate.common_name.as_deref(), Some("billing"));
        assert!(certificate.subject.contains("O=Acme"), "{certificate:?}");
        assert_eq!(certificate.dns_names, ["billing.internal"]);
        assert_eq!(certificate.uris, ["spiffe://acme/billing"]);
        assert_eq!(certificate.emails, ["billing@acme.example"]);
    }

    #[test]
    fn a_certificate_without_a_subject_is_one() {
        let mut params = CertificateParams::new(Vec::new()).expect("there are no names");
        params.distinguished_name = DistinguishedName::new();

        let certificate = made(params);

        assert_eq!(certificate.subject, "");
        assert_eq!(certificate.common_name, None);
    }

    #[test]
    fn what_is_no_certificate_is_told() {
        for der in [&b""[..], b"hello", &[0x30, 0x82, 0xff, 0xff]] {
            assert!(ClientCertificate::read(der).is_err(), "{der:?}");
        }
    }
}
