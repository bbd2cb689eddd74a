//! Certificates and keys, which stand in PEM files.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rustls::RootCertStore;
use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

use super::TlsError;
use super::expiry::Validity;

/// The certificates in a file, of which there is at least one, in their order.
pub(super) fn certificates(
    setting: &'static str,
    file: &Path,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(setting, file)?;
    let certificates: Result<Vec<_>, Error> = CertificateDer::pem_slice_iter(&text).collect();
    let certificates = certificates.map_err(|error| {
        let what = format!("is not PEM: {}", told(&error));
        TlsError::new(setting, file, what, "write the certificates as PEM")
    })?;
    if certificates.is_empty() {
        return Err(TlsError::new(
            setting,
            file,
            "holds no certificate",
            "name a file with lines \"-----BEGIN CERTIFICATE-----\"",
        ));
    }
    Ok(certificates)
}

/// The private key in a file.
pub(super) fn key(setting: &'static str, file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read(setting, file)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
        let what = match error {
            Error::NoItemsFound => "holds no private key".to_owned(),
            other => format!("is not PEM: {}", told(&other)),
        };
        let mend = "name a file with one private key as PEM, without a password";
        TlsError::new(setting, file, what, mend)
    })
}

/// Says that a key is another certificate's.
pub(super) fn foreign_key(key: &Path, certificate: &Path) -> TlsError {
    let what = format!("is not that of certificate {}", certificate.display());
    let mend = "name the key that the certificate was issued for";
    TlsError::new("key", key, what, mend)
}

/// The authorities in a file.
pub(super) fn authorities(setting: &'static str, file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(setting, file)? {
        roots.add(certificate).map_err(|error| {
            let what = format!("holds a certificate that is none of an authority: {error}");
            TlsError::new(setting, file, what, "remove it, or have it issued anew")
        })?;
    }
    Ok(roots)
}

/// When a certificate from `file` is good.
pub(super) fn validity(
    setting: &'static str,
    file: &Path,
    certificate: &CertificateDer<'_>,
) -> Result<Validity, TlsError> {
    let (_, read) = X509Certificate::from_der(certificate).map_err(|error| {
        let what = format!("holds a certificate that cannot be read: {error}");
        TlsError::new(setting, file, what, "have it issued anew")
    })?;
    let validity = read.validity();
    Ok(Validity {
        not_before: time(validity.not_before),
        not_after: time(validity.not_after),
    })
}

fn time(time: ASN1Time) -> SystemTime {
    let seconds = u64::try_from(time.timestamp()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn read(setting: &'static str, file: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(file).map_err(|error| {
        let what = format!("cannot be read: {error}");
        TlsError::new(setting, file, what, "mend it, or name another")
    })
}

/// What is wrong, without a word of what stands in the file.
fn told(error: &Error) -> &'static str {
    match error {
        Error::MissingSectionEnd { .. } => "a section does not end",
        Error::IllegalSectionStart { .. } => "a section begins wrongly",
        Error::Base64Decode(_) => "a section is not base64",
        Error::SectionTooLarge => "a section is too large",
        _ => "it cannot be read",
    }
}
