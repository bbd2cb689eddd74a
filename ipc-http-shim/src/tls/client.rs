//! TLS towards others: the legacy upstream, issuers of tokens, webhooks.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, Error, RootCertStore};

use super::expiry::Validity;
use super::{TlsError, files, provider};

/// What TLS towards another server is made of.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct ClientFiles {
    /// The authorities that are trusted, as PEM; `None` trusts those of the system.
    pub ca: Option<PathBuf>,
    /// The certificate to show where the upstream asks for one; `None` shows none.
    pub identity: Option<ClientIdentity>,
}

/// A certificate to show, and its key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientIdentity {
    /// The certificate, as PEM, followed by those between it and the authority.
    pub certificate: PathBuf,
    /// Its private key, as PEM.
    pub key: PathBuf,
}

/// TLS towards another server, ready to be used.
#[derive(Clone)]
pub struct ClientTls {
    files: ClientFiles,
    roots: Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    /// Of the certificate that is shown, where there is one.
    validity: Option<Validity>,
    config: Arc<ClientConfig>,
}

impl ClientTls {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read, or the key is not that of the certificate.
    pub fn read(files: ClientFiles) -> Result<Self, TlsError> {
        let roots = Arc::new(match &files.ca {
            Some(ca) => files::authorities("ca", ca)?,
            None => system(),
        });
        let unusable = |error: Error| {
            let what = format!("certificate cannot be used: {error}");
            TlsError {
                setting: "certificate",
                what,
                mend: "name another".to_owned(),
            }
        };
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_root_certificates(Arc::clone(&roots));
        let Some(identity) = &files.identity else {
            return Ok(Self {
                config: Arc::new(builder.with_no_client_auth()),
                roots,
                chain: Vec::new(),
                validity: None,
                files,
            });
        };
        let chain = files::certificates("certificate", &identity.certificate)?;
        let key = files::key("key", &identity.key)?;
        let validity = files::validity("certificate", &identity.certificate, &chain[0])?;
        let config =
            builder
                .with_client_auth_cert(chain.clone(), key)
                .map_err(|error| match error {
                    Error::InconsistentKeys(_) => {
                        files::foreign_key(&identity.key, &identity.certificate)
                    }
                    other => unusable(other),
                })?;
        Ok(Self {
            config: Arc::new(config),
            roots,
            chain,
            validity: Some(validity),
            files,
        })
    }

    /// What it was read from.
    #[must_use]
    pub fn files(&self) -> &ClientFiles {
        &self.files
    }

    /// Until when the certificate that is shown is good, where there is one.
    #[must_use]
    pub fn not_after(&self) -> Option<SystemTime> {
        self.validity.map(|validity| validity.not_after)
    }

    /// Says in the log how long the certificate that is shown is still good, where that is
    /// not long.
    pub(crate) fn warn(&self, now: SystemTime) {
        if let (Some(identity), Some(validity)) = (&self.files.identity, self.validity) {
            validity.warn(&identity.certificate, now);
        }
    }

    /// Connects over TLS where an address says `https`, and in clear where it says `http`.
    pub(crate) fn connector(&self) -> HttpsConnector<HttpConnector> {
        HttpsConnectorBuilder::new()
            .with_tls_config(self.config().clone())
            .https_or_http()
            .enable_http1()
            .build()
    }

    pub(crate) fn config(&self) -> &ClientConfig {
        &self.config
    }

    /// Whether both trust the same and show the same.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        self.roots.roots == other.roots.roots && self.chain == other.chain
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls")
            .field("files", &self.files)
            .field("not_after", &self.not_after())
            .finish_non_exhaustive()
    }
}

/// What the system trusts.
fn system() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "authorities of the system cannot be read");
    }
    let mut roots = RootCertStore::empty();
    let (trusted, _) = roots.add_parsable_certificates(found.certs);
    if trusted == 0 {
        tracing::warn!("the system names no authority: name those to trust in ca");
    }
    roots
}
