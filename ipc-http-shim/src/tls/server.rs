//! TLS towards HTTP clients.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{Error, ServerConfig};

use super::expiry::{Expiry, Validity};
use super::{TlsError, files, provider};

/// HTTP/2 where a client can, else HTTP/1.1.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// What TLS towards HTTP clients is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerFiles {
    /// The certificate, as PEM, followed by those between it and the authority.
    pub certificate: PathBuf,
    /// Its private key, as PEM.
    pub key: PathBuf,
    /// Whose client certificates are asked for; `None` asks for none.
    pub clients: Option<Clients>,
}

/// Whose client certificates are asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clients {
    /// The authorities that issue them, as PEM.
    pub ca: PathBuf,
    /// What becomes of a client without one.
    pub auth: ClientAuth,
}

/// What becomes of a client without a certificate. One with a certificate that is not
/// good never gets a connection.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum ClientAuth {
    /// It gets no connection.
    #[default]
    Required,
    /// It is served, as nobody in particular.
    Optional,
}

/// TLS towards HTTP clients, ready to be used.
#[derive(Clone)]
pub struct ServerTls {
    files: ServerFiles,
    config: Arc<ServerConfig>,
    validity: Validity,
}

impl ServerTls {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read, or the key is not that of the certificate. A
    /// certificate that has expired is none.
    pub fn read(files: ServerFiles) -> Result<Self, TlsError> {
        let chain = files::certificates("certificate", &files.certificate)?;
        let key = files::key("key", &files.key)?;
        let validity = files::validity("certificate", &files.certificate, &chain[0])?;
        let unusable = |error: Error| {
            let what = format!("cannot be used: {error}");
            TlsError::new("certificate", &files.certificate, what, "name another")
        };
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(unusable)?;
        let builder = match &files.clients {
            Some(clients) => builder.with_client_cert_verifier(verifier(clients)?),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| match error {
                Error::InconsistentKeys(_) => files::foreign_key(&files.key, &files.certificate),
                other => unusable(other),
            })?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        Ok(Self {
            config: Arc::new(config),
            files,
            validity,
        })
    }

    /// What it was read from.
    #[must_use]
    pub fn files(&self) -> &ServerFiles {
        &self.files
    }

    /// Until when the certificate is good.
    #[must_use]
    pub fn not_after(&self) -> SystemTime {
        self.validity.not_after
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    pub(crate) fn expiry(&self, now: SystemTime) -> Expiry {
        Expiry::at(now, self.validity)
    }

    /// Says in the log how long the certificate is still good, where that is not long.
    pub(crate) fn warn(&self, now: SystemTime) {
        self.validity.warn(&self.files.certificate, now);
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls")
            .field("files", &self.files)
            .field("not_after", &self.validity.not_after)
            .finish_non_exhaustive()
    }
}

fn verifier(clients: &Clients) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let roots = files::authorities("client_ca", &clients.ca)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    let verifier = match clients.auth {
        ClientAuth::Required => verifier,
        ClientAuth::Optional => verifier.allow_unauthenticated(),
    };
    verifier.build().map_err(|error| {
        let what = format!("cannot be used: {error}");
        TlsError::new("client_ca", &clients.ca, what, "name another")
    })
}
