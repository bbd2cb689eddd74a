//! One HTTP connection.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use axum::body::Body;
use http::Request;
use http::header::UPGRADE;
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::activity::Activity;
use super::ending::Ending;
use super::entrance::Entrance;
use super::places::Place;
use super::protocols::Protocols;
use crate::access_log::AccessLog;
use crate::config::{Config, Limits};
use crate::gateway::{Gateway, Holding};
use crate::limits::metrics::LimitMetrics;
use crate::metrics::Metrics;
use crate::peer::Peer;
use crate::watched::Watched;

/// How connections are served.
pub(super) struct Connections {
    protocols: Protocols,
    limits: Limits,
    metrics: LimitMetrics,
    /// Where they come in over TLS.
    entrance: Option<Entrance>,
    access_log: Logging,
}

/// The access log, where there is one now.
pub(super) type Logging = Arc<ArcSwapOption<AccessLog>>;

/// A connection that was accepted.
pub(super) struct Accepted {
    pub(super) stream: TcpStream,
    pub(super) address: SocketAddr,
    /// Its own, for as long as it is served.
    pub(super) place: Place,
}

impl Connections {
    pub(super) fn new(config: &Config, metrics: &Metrics, access_log: &Logging) -> Self {
        let tls = config.tls.as_ref();
        Self {
            protocols: Protocols::new(&config.limits),
            limits: config.limits,
            metrics: metrics.limits().clone(),
            entrance: tls.map(|tls| Entrance::new(tls, metrics.tls())),
            access_log: Arc::clone(access_log),
        }
    }

    /// Where connections come in over TLS.
    pub(super) fn entrance(&self) -> Option<&Entrance> {
        self.entrance.as_ref()
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Serves a connection to its end. A handshake ends with `draining`: nothing was
    /// asked for yet.
    pub(super) async fn serve(
        self: Arc<Self>,
        accepted: Accepted,
        gateway: Gateway,
        draining: CancellationToken,
    ) {
        let Accepted {
            stream,
            address,
            place,
        } = accepted;
        let place = Holding(Arc::new(place));
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps Nagle's algorithm");
        }
        if let Some(entrance) = &self.entrance {
            let entering = entrance.enter(stream, address);
            let entered = Box::pin(draining.run_until_cancelled(entering)).await;
            if let Some(Some((stream, peer))) = entered {
                // What TLS needs, connections without it keep no room for.
                Box::pin(self.serve_http(stream, (peer, place), gateway, draining)).await;
            }
        } else {
            let peer = Peer::plain(address);
            self.serve_http(stream, (peer, place), gateway, draining)
                .await;
        }
    }

    /// `draining` lets the requests under way be its last; so does its being without a
    /// request for too long.
    async fn serve_http<S>(
        &self,
        stream: S,
        (peer, place): (Peer, Holding),
        gateway: Gateway,
        draining: CancellationToken,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let access_log = Arc::clone(&self.access_log);
        let activity = Activity::new();
        let requests = activity.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            let (gateway, peer) = (gateway.clone(), peer.clone());
            let access_log = access_log.load_full();
            let under_way = requests.begin();
            if request.headers().contains_key(UPGRADE) {
                request.extensions_mut().insert(place.clone());
            }
            let answer = async move {
                let request = request.map(Body::new);
                let answer = match access_log {
                    None => gateway.answer(request, &peer, None).await,
                    Some(access_log) => {
                        let mut entry = access_log.begin(&request, &peer);
                        let answer = gateway.answer(request, &peer, Some(&mut entry)).await;
                        entry.answered(answer)
                    }
                };
                Ok::<_, Infallible>(answer.map(|body| Watched::new(body, under_way)))
            };
            // A connection keeps room for it as long as it lives, and a stream lives long.
            Box::pin(answer)
        });
        let ending = Ending::new(&self.limits, &self.metrics, activity, draining);
        // A client may leave in the middle of anything.
        if let Err(error) = self.protocols.serve(stream, service, &ending).await {
            tracing::debug!(error = &error as &dyn Error, "a connection ended badly");
        }
    }
}
