//! Who is at the other end of a connection.

mod certificate;

use std::net::SocketAddr;
use std::sync::Arc;

pub use certificate::{ClientCertificate, UnreadableCertificate};

/// Who is at the other end of a connection. Clones cost next to nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Where it connects from: the client, or the proxy before this one.
    pub address: SocketAddr,
    /// Whether the connection is over TLS.
    pub over_tls: bool,
    /// Who it has proved to be: `None` without TLS, and where it was not asked for a
    /// certificate or gave none.
    pub certificate: Option<Arc<ClientCertificate>>,
}

impl Peer {
    /// At the other end of a connection without TLS.
    #[must_use]
    pub fn plain(address: SocketAddr) -> Self {
        Self {
            address,
            over_tls: false,
            certificate: None,
        }
    }

    /// The scheme of what it asks for.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.over_tls { "https" } else { "http" }
    }
}
