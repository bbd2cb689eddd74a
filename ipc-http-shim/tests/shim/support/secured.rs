//! Certificates, and clients that speak TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::NamedTempFile;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// An authority of the tests' own.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM files.
pub(crate) struct Issued {
    pub(crate) certificate: NamedTempFile,
    pub(crate) key: NamedTempFile,
}

pub(crate) fn file(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("it is written");
    file
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("there are no names");
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, "the tests' authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("an authority"))
    }

    /// Its certificate, in a file.
    pub(crate) fn file(&self) -> NamedTempFile {
        file(&self.0.pem())
    }

    /// A certificate for this machine and for `who`.
    pub(crate) fn issue(&self, who: &str) -> Issued {
        self.issue_until(who, 4096)
    }

    /// A certificate that ends with the year before this one.
    pub(crate) fn issue_until(&self, who: &str, year: i32) -> Issued {
        self.issue_for("127.0.0.1", who, year)
    }

    /// A certificate for the host of this name or address.
    pub(crate) fn issue_for(&self, host: &str, who: &str, year: i32) -> Issued {
        let names = [host.to_owned()];
        let mut params = CertificateParams::new(names).expect("it is a name");
        params.distinguished_name.push(DnType::CommonName, who);
        params.not_before = date_time_ymd(1975, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("it is issued");
        Issued {
            certificate: file(&certificate.pem()),
            key: file(&key.serialize_pem()),
        }
    }

    /// A client that trusts this authority and shows `identity`.
    pub(crate) fn client(&self, identity: Option<&Issued>) -> TlsClient {
        let mut roots = RootCertStore::empty();
        let own = self.0.der().clone();
        roots.add(own).expect("it is an authority");
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has them")
            .with_root_certificates(roots);
        let config = match identity {
            Some(issued) => {
                let key = PrivateKeyDer::from_pem_file(issued.key.path()).expect("it is a key");
                builder
                    .with_client_auth_cert(vec![issued.der()], key)
                    .expect("they fit")
            }
            None => builder.with_no_client_auth(),
        };
        TlsClient(config)
    }
}

impl Issued {
    pub(crate) fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.certificate.path()).expect("it is a certificate")
    }

    /// The lines `certificate` and `key`.
    pub(crate) fn settings(&self) -> String {
        format!(
            "certificate = \"{}\"\nkey = \"{}\"\n",
            self.certificate.path().display(),
            self.key.path().display()
        )
    }

    /// Puts another certificate into the same files.
    pub(crate) fn replace_by(&self, other: &Self) {
        for (file, by) in [
            (&self.certificate, &other.certificate),
            (&self.key, &other.key),
        ] {
            let text = std::fs::read(by.path()).expect("it is there");
            std::fs::write(file.path(), text).expect("it is written");
        }
    }
}

/// Connects over TLS.
#[derive(Clone)]
pub(crate) struct TlsClient(ClientConfig);

/// Which HTTP a client asks for.
#[derive(Clone, Copy)]
pub(crate) enum Http {
    One,
    Two,
}

/// A connection over TLS, with the requests that are sent on it.
pub(crate) struct Secured {
    sender: Sender,
    /// What the other end has shown.
    pub(crate) shown: CertificateDer<'static>,
    _serving: JoinSet<()>,
}

enum Sender {
    One(http1::SendRequest<Body>),
    Two(http2::SendRequest<Body>),
}

impl TlsClient {
    /// A connection whose handshake is made.
    pub(crate) async fn connect(&self, address: SocketAddr, http: Http) -> io::Result<Secured> {
        let stream = self.handshake(address, http).await?;
        let (_, session) = stream.get_ref();
        let shown = session.peer_certificates().expect("it has shown one")[0].clone();
        let protocol = session.alpn_protocol().map(<[u8]>::to_vec);
        let mut serving = JoinSet::new();
        let sender = match http {
            Http::One => {
                assert_eq!(protocol.as_deref(), Some(&b"http/1.1"[..]));
                let begun = http1::handshake(TokioIo::new(stream)).await;
                let (sender, connection) = begun.map_err(io::Error::other)?;
                serving.spawn(async {
                    // Tests end where they please.
                    let _ = connection.await;
                });
                Sender::One(sender)
            }
            Http::Two => {
                assert_eq!(protocol.as_deref(), Some(&b"h2"[..]));
                let begun = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
                let (sender, connection) = begun.map_err(io::Error::other)?;
                serving.spawn(async {
                    let _ = connection.await;
                });
                Sender::Two(sender)
            }
        };
        Ok(Secured {
            sender,
            shown,
            _serving: serving,
        })
    }

    /// Why a connection is turned down.
    pub(crate) async fn turned_down(&self, address: SocketAddr) -> io::Error {
        let mut stream = match self.handshake(address, Http::One).await {
            Ok(stream) => stream,
            Err(error) => return error,
        };
        // With TLS 1.3 a client is done before the server has seen its certificate.
        let read = stream.read_u8().await;
        read.expect_err("nothing was asked for")
    }

    /// A connection after its handshake.
    pub(crate) async fn handshake(
        &self,
        address: SocketAddr,
        http: Http,
    ) -> io::Result<TlsStream<TcpStream>> {
        let mut config = self.0.clone();
        config.alpn_protocols = match http {
            Http::One => vec![b"http/1.1".to_vec()],
            Http::Two => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        };
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::from(address.ip());
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect(name, stream).await
    }
}

impl Secured {
    /// Sends a request; its URI is the path.
    pub(crate) async fn send(&mut self, mut request: Request<Body>) -> Response<Incoming> {
        let answer = match &mut self.sender {
            Sender::One(sender) => {
                let host = "shop.example".parse().expect("it is a value");
                request.headers_mut().insert("host", host);
                sender.send_request(request).await
            }
            Sender::Two(sender) => {
                let uri = format!("https://shop.example{}", request.uri());
                *request.uri_mut() = uri.parse().expect("it is a URI");
                sender.send_request(request).await
            }
        };
        answer.expect("an answer")
    }
}
