//! From an HTTP request to an answer: over Kafka, from the legacy upstream, or
//! from the gateway itself.

mod accepted;
mod aggregate;
mod ambiguity;
mod answer;
mod auth;
mod body;
mod cached;
mod copied;
mod cors;
#[cfg(test)]
mod crossing;
mod destination;
mod entry;
mod fallback;
mod form;
mod format;
mod forwarded;
mod guarded;
mod handshake;
mod identity;
mod inherited;
mod intake;
mod key;
mod legacy;
mod length;
mod list;
mod moving;
mod ndjson;
mod one_way;
mod operation;
mod pace;
mod passed;
mod prefer;
mod progress;
mod request_reply;
mod resume;
mod rewriting;
mod shadows;
mod socket;
#[cfg(test)]
mod spike;
mod sse;
mod stages;
mod stream;
mod timing;
mod trace;
mod tunnel;

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use arc_swap::ArcSwap;
use axum::body::Body;
use http::header::ORIGIN;
use http::{Request, Response};
use tokio_util::sync::CancellationToken;

use destination::Destinations;
use entry::Entries;
use shadows::Shadows;
use trace::Tracing;
pub(crate) use tunnel::Holding;
use tunnel::Tunnels;

use crate::access_log::Entry;
use crate::cache::Answers;
use crate::config::{Config, Limits, RouteFault};
use crate::kept::KeptStreams;
use crate::metrics::Metrics;
use crate::migration::route::MovingRoute;
use crate::operations::Operations;
use crate::peer::Peer;
use crate::sockets::Sockets;
use crate::upstream::Upstream;

/// Answers requests. Clones share everything.
#[derive(Clone)]
pub(crate) struct Gateway(Arc<ArcSwap<Inner>>);

struct Inner {
    entries: Entries,
    destinations: Destinations,
    limits: Limits,
    tracing: Tracing,
    upstream: Arc<dyn Upstream>,
    shadows: Arc<Shadows>,
    tunnels: Arc<Tunnels>,
    kept: Arc<KeptStreams>,
    sockets: Arc<Sockets>,
    /// Where any route has answers that are kept.
    answers: Option<Answers>,
    /// Where any route has requests that are answered later.
    operations: Option<Arc<Operations>>,
    /// Cancelled when the process is about to stop.
    draining: CancellationToken,
}

/// The answers that are kept, where any route has such.
fn answers(config: &Config, metrics: &Metrics, earlier: Option<&Answers>) -> Option<Answers> {
    let any = config.routes.iter().any(|route| route.cache);
    any.then(|| Answers::new(&config.limits, metrics.cache(), earlier))
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
        let entries = Entries::new(config, metrics.limits(), None);
        Ok(Self(Arc::new(ArcSwap::from_pointee(Inner {
            destinations: Destinations::new(config, metrics, &entries, None)?,
            entries,
            limits: config.limits,
            tracing: Tracing::new(config, fastrand::f64),
            shadows: Arc::new(Shadows::new(Arc::clone(&upstream), draining.clone())),
            tunnels: Arc::new(Tunnels::new(metrics.tunnels())),
            kept: Arc::new(KeptStreams::new(metrics.kept(), draining.clone())),
            answers: answers(config, metrics, None),
            sockets: Arc::new(Sockets::new(metrics.sockets(), draining.clone())),
            operations: config
                .has_operations()
                .then(|| Arc::new(Operations::new(&config.operations, metrics.operations()))),
            upstream,
            draining,
        }))))
    }

    /// Answers by the routes of `config` from now on. Requests that have begun keep
    /// what they began with, and routes that move stay where they stand.
    ///
    /// # Errors
    ///
    /// Every route that cannot be served; nothing is changed then.
    pub(crate) fn change(&self, config: &Config, metrics: &Metrics) -> Result<(), Vec<RouteFault>> {
        let earlier = self.0.load_full();
        let entries = Entries::new(config, metrics.limits(), Some(&earlier.entries));
        let destinations =
            Destinations::new(config, metrics, &entries, Some(&earlier.destinations))?;
        self.0.store(Arc::new(Inner {
            entries,
            destinations,
            limits: config.limits,
            tracing: Tracing::new(config, fastrand::f64),
            shadows: Arc::clone(&earlier.shadows),
            tunnels: Arc::clone(&earlier.tunnels),
            kept: Arc::clone(&earlier.kept),
            sockets: Arc::clone(&earlier.sockets),
            answers: answers(config, metrics, earlier.answers.as_ref()),
            operations: earlier.operations.clone(),
            upstream: Arc::clone(&earlier.upstream),
            draining: earlier.draining.clone(),
        }));
        let now = self.0.load();
        earlier.destinations.retire(&now.destinations, metrics);
        Ok(())
    }

    /// Says in the log that the certificate ends which the legacy server is shown, where
    /// that is soon.
    pub(crate) fn look_at_certificate(&self, now: SystemTime) {
        if let Some(legacy) = self.0.load().destinations.legacy() {
            legacy.look_at_certificate(now);
        }
    }

    /// The routes that move.
    pub(crate) fn moving(&self) -> Vec<Arc<MovingRoute>> {
        self.0.load().destinations.moving()
    }

    /// The requests that are answered later, where any are.
    pub(crate) fn operations(&self) -> Option<Arc<Operations>> {
        self.0.load().operations.clone()
    }

    /// Waits until nothing is under way that no client waits for.
    pub(crate) async fn ended(&self) {
        let this = self.0.load_full();
        this.shadows.ended().await;
        this.kept.ended().await;
    }

    /// Waits until no connection passes what is no HTTP any more.
    pub(crate) async fn tunnels_closed(&self) {
        let this = self.0.load_full();
        this.sockets.closed().await;
        this.tunnels.closed().await;
    }

    /// Ends the connections that pass what is no HTTP any more; how many these are.
    pub(crate) async fn end_tunnels(&self) -> usize {
        let this = self.0.load_full();
        // These have been told that it ends, and had their time to take it.
        this.sockets.len() + this.tunnels.end().await
    }

    /// Answers one request, and notes in `entry` what becomes of it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the request up wherever it is.
    pub(crate) async fn answer(
        &self,
        request: Request<Body>,
        peer: &Peer,
        mut entry: Option<&mut Entry>,
    ) -> Response<Body> {
        let started = Instant::now();
        let this = self.0.load_full();
        let (mut head, body) = request.into_parts();
        let trace_id = this.tracing.of(&mut head.headers);
        let (found, upgrade) = this.found(&mut head, peer);
        let cors = found
            .cors
            .map(|cors| (cors, head.headers.get(ORIGIN).cloned()));
        if let Some(entry) = &mut entry {
            entry.routed(found.metrics.name(), found.metrics.mode());
            entry.traced(trace_id);
        }
        let noting = entry.as_deref_mut();
        let mut passed = this.pass(found, head, body, peer, started, noting).await;
        let response = &mut passed.response;
        if let Some(upgrade) = upgrade {
            this.tunnels.open(upgrade, response);
        }
        this.destinations.secure(response.headers_mut());
        if let Some((cors, origin)) = cors {
            cors.tell(origin, response.headers_mut());
        }
        if let Some(entry) = entry {
            entry.spent(passed.spent);
        }
        this.tracing.tell(response.headers_mut(), trace_id);
        let (beyond, total) = (passed.spent.beyond, started.elapsed());
        timing::append(response.headers_mut(), beyond, total);
        passed.answer(total)
    }
}
