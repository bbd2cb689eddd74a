//! From a TCP connection to one on which HTTP can begin: the TLS handshake.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::Tls;
use crate::peer::{ClientCertificate, Peer};
use crate::tls::metrics::{Handshake, TlsMetrics};
use crate::tls::{Expiry, ServerTls};

/// Where TLS connections come in.
pub(super) struct Entrance {
    tls: ServerTls,
    acceptor: TlsAcceptor,
    /// Handshakes cost what requests need, and who makes them is not yet known.
    places: Semaphore,
    timeout: Duration,
    metrics: TlsMetrics,
}

impl Entrance {
    pub(super) fn new(tls: &Tls, metrics: &TlsMetrics) -> Self {
        metrics.listener(tls.server.not_after());
        Self {
            acceptor: TlsAcceptor::from(tls.server.config()),
            tls: tls.server.clone(),
            places: Semaphore::new(tls.handshakes),
            timeout: tls.handshake_timeout,
            metrics: metrics.clone(),
        }
    }

    /// The connection after its handshake, and who is at its other end; `None` where
    /// there was none in time.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection.
    pub(super) async fn enter(
        &self,
        stream: TcpStream,
        address: SocketAddr,
    ) -> Option<(TlsStream<TcpStream>, Peer)> {
        let handshake = async {
            // It is never closed.
            let _place = self.places.acquire().await.ok()?;
            Some(self.acceptor.accept(stream).await)
        };
        let Ok(ended) = timeout(self.timeout, handshake).await else {
            self.metrics.ended(Handshake::TimedOut);
            tracing::debug!(%address, "a TLS handshake took too long");
            return None;
        };
        let entered = ended?
            .map_err(|error| error.to_string())
            .and_then(|stream| {
                let peer = peer(&stream, address).map_err(|error| error.to_string())?;
                Ok((stream, peer))
            });
        match entered {
            Ok(entered) => {
                self.metrics.ended(Handshake::Completed);
                Some(entered)
            }
            Err(error) => {
                self.metrics.ended(Handshake::Failed);
                tracing::debug!(%address, error, "a TLS handshake failed");
                None
            }
        }
    }

    pub(super) fn expiry(&self, now: SystemTime) -> Expiry {
        self.tls.expiry(now)
    }

    /// Says in the log how long the certificate is still good, where that is not long.
    pub(super) fn warn(&self, now: SystemTime) {
        self.tls.warn(now);
    }
}

fn peer(
    stream: &TlsStream<TcpStream>,
    address: SocketAddr,
) -> Result<Peer, crate::peer::UnreadableCertificate> {
    let (_, session) = stream.get_ref();
    let chain = session.peer_certificates().unwrap_or_default();
    let certificate = chain.first().map(|der| ClientCertificate::read(der));
    Ok(Peer {
        address,
        over_tls: true,
        certificate: certificate.transpose()?.map(Arc::new),
    })
}
