//! HTTP/1.1 and HTTP/2 on one port.

use std::convert::Infallible;

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::activity::UnderWay;
use super::beginning::{Version, begin};
use super::ending::Ending;
use crate::config::Limits;
use crate::watched::Watched;

/// What hyper itself refuses lies above the gateway's own limits, which answer
/// with a problem document: by this factor, and room for the request line.
const SLACK: usize = 2;
const REQUEST_LINE: usize = 64 * 1024;

/// What may be spoken on a connection, and how.
pub(super) struct Protocols {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl Protocols {
    pub(super) fn new(limits: &Limits) -> Self {
        let header_bytes = limits
            .header_bytes
            .saturating_mul(SLACK)
            .saturating_add(REQUEST_LINE);
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            // Its own would hold for idle connections too, and not for HTTP/2.
            .header_read_timeout(None)
            .max_headers(limits.header_count.saturating_mul(SLACK))
            .max_buf_size(header_bytes);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.streams)
            .max_header_list_size(u32::try_from(header_bytes).unwrap_or(u32::MAX));
        Self { http1, http2 }
    }

    /// Serves a connection to its end, with what its client speaks.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection.
    pub(super) async fn serve<I, S>(
        &self,
        stream: I,
        service: S,
        ending: &Ending<'_>,
    ) -> hyper::Result<()>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Service<
                Request<Incoming>,
                Response = Response<Watched<Body, UnderWay>>,
                Error = Infallible,
                Future: Send + 'static,
            > + Send,
    {
        let Some(Ok((version, stream))) = ending.before(begin(stream)).await else {
            return Ok(());
        };
        let stream = TokioIo::new(stream);
        match version {
            Version::Http1 => {
                let http1 = self.http1.serve_connection(stream, service).with_upgrades();
                ending
                    .of(http1, http1::UpgradeableConnection::graceful_shutdown)
                    .await
            }
            Version::Http2 => {
                let http2 = self.http2.serve_connection(stream, service);
                // It is larger, and connections of HTTP/1.1 keep no room for it.
                Box::pin(ending.of(http2, http2::Connection::graceful_shutdown)).await
            }
        }
    }
}
