//! Connections to the legacy upstream.

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

use crate::tls::ClientTls;

/// How long a connection to the upstream may take to open, its TLS handshake included.
const CONNECT: Duration = Duration::from_secs(5);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Connects to the upstream, in time or not at all.
#[derive(Clone, Debug)]
pub(super) enum Connector {
    Plain(HttpConnector),
    Tls(HttpsConnector<HttpConnector>),
}

impl Connector {
    pub(super) fn new(tls: Option<&ClientTls>) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_nodelay(true);
        let Some(tls) = tls else {
            return Self::Plain(tcp);
        };
        // Its own scheme is that of what it carries.
        tcp.enforce_http(false);
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls.config().clone())
            .https_only()
            .enable_http1();
        Self::Tls(https.wrap_connector(tcp))
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self {
            Self::Plain(tcp) => tcp.poll_ready(cx).map_err(Into::into),
            Self::Tls(tls) => tls.poll_ready(cx),
        }
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let tls = match self {
            Self::Plain(tcp) => {
                let connecting = tcp.call(to);
                return async { Ok(MaybeHttpsStream::Http(connecting.await?)) }.boxed();
            }
            Self::Tls(tls) => tls.call(to),
        };
        // What bounds the connection does not bound the handshake.
        let connecting = timeout(CONNECT, tls);
        async {
            let late = |_| io::Error::new(io::ErrorKind::TimedOut, "its TLS handshake is late");
            connecting.await.map_err(late)?
        }
        .boxed()
    }
}
