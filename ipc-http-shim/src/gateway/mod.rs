//! From an HTTP request to an answer: over Kafka, from the legacy upstream, or
//! from the gateway itself.

mod answer;
mod body;
mod destination;
mod forwarded;
mod intake;
mod key;
mod legacy;
mod metered;
mod one_way;
mod progress;
mod request_reply;
mod rewriting;
mod sse;
mod stream;
mod timing;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use axum::body::Body;
use http::header::TRAILER;
use http::{Request, Response};
use ipc_core::envelope::Problem;
use tokio_util::sync::CancellationToken;

use answer::Refusal;
use destination::{Destination, Destinations, Found, ToService};
use metered::Metered;

use crate::config::{Config, Limits, ServiceMode};
use crate::metrics::Metrics;
use crate::routes::RouteFault;
use crate::upstream::{Outbound, Upstream};

/// Answers requests. Clones share everything.
#[derive(Clone)]
pub(crate) struct Gateway(Arc<ArcSwap<Inner>>);

struct Inner {
    destinations: Destinations,
    limits: Limits,
    upstream: Arc<dyn Upstream>,
    /// Cancelled when the process is about to stop.
    draining: CancellationToken,
}

impl Gateway {
    /// A gateway for the routes of `config`.
    ///
    /// # Errors
    ///
    /// Every route that cannot be served.
    pub(crate) fn new(
        config: &Config,
        upstream: Arc<dyn Upstream>,
        metrics: &Metrics,
        draining: CancellationToken,
    ) -> Result<Self, Vec<RouteFault>> {
        Ok(Self(Arc::new(ArcSwap::from_pointee(Inner {
            destinations: Destinations::new(config, metrics)?,
            limits: config.limits,
            upstream,
            draining,
        }))))
    }

    /// Answers by the routes of `config` from now on. Requests that have begun keep
    /// what they began with.
    ///
    /// # Errors
    ///
    /// Every route that cannot be served; nothing is changed then.
    pub(crate) fn change(&self, config: &Config, metrics: &Metrics) -> Result<(), Vec<RouteFault>> {
        let mut destinations = Destinations::new(config, metrics)?;
        let earlier = self.0.load_full();
        destinations.keep_connections_of(&earlier.destinations);
        self.0.store(Arc::new(Inner {
            destinations,
            limits: config.limits,
            upstream: Arc::clone(&earlier.upstream),
            draining: earlier.draining.clone(),
        }));
        Ok(())
    }

    /// Answers one request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the request up wherever it is.
    pub(crate) async fn answer(
        &self,
        request: Request<Body>,
        peer: Option<SocketAddr>,
    ) -> Response<Body> {
        let started = Instant::now();
        let this = self.0.load_full();
        let (mut head, body) = request.into_parts();
        let Found {
            destination,
            metrics,
            mut changes,
        } = match intake::check(&head, &this.limits) {
            Ok(()) => {
                intake::normalise(&mut head);
                this.destinations.find(&head)
            }
            Err(refusal) => this.destinations.refused(refusal),
        };
        if let Some(changes) = &mut changes {
            changes.request(&mut head);
        }
        let mut in_flight = metrics.begin();

        let leaving = Instant::now();
        let request = Request::from_parts(head, body);
        let (beyond, answer) = match destination {
            Destination::Service(to) => (Some("kafka"), this.over_kafka(to, request, peer).await),
            Destination::Legacy { proxy, timeout } => {
                (Some("legacy"), proxy.answer(request, peer, timeout).await)
            }
            Destination::Nowhere(refusal) => (None, Err(refusal)),
        };
        let beyond = beyond.map(|name| (name, leaving.elapsed()));

        let mut response = answer.unwrap_or_else(Response::from);
        if let Some(changes) = &changes {
            changes.answer(response.headers_mut());
        }
        timing::append(response.headers_mut(), beyond, started.elapsed());
        in_flight.answered(response.status());
        response.map(|body| Body::new(Metered::new(body, in_flight)))
    }
}

impl Inner {
    async fn over_kafka(
        &self,
        to: ToService,
        request: Request<Body>,
        peer: Option<SocketAddr>,
    ) -> Result<Response<Body>, Refusal> {
        if request.headers().contains_key(TRAILER) {
            return Err(trailers().into());
        }
        let (head, body) = request.into_parts();
        let body = body::read(body, self.limits.body).await?;
        let outbound = Outbound {
            service: to.service,
            request: Request::from_parts(head, body),
            key: to.key,
            timeout: to.timeout,
            peer,
        };
        let upstream = &*self.upstream;
        match to.mode {
            ServiceMode::Call => request_reply::answer(upstream, outbound).await,
            ServiceMode::OneWay => one_way::answer(upstream, outbound).await,
            ServiceMode::Stream => stream::answer(upstream, outbound, self.draining.clone()).await,
        }
    }
}

fn trailers() -> Problem {
    Problem::new(
        "not-supported",
        "the request asks for what cannot cross a log",
        501,
    )
    .with_detail("header trailer announces trailers: send them as headers, or in the body")
}
