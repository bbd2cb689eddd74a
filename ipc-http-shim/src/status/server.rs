//! The admin listener.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use ipc_core::health::{Health, Verdict};
use ipc_core::metrics::CONTENT_TYPE as OPEN_METRICS;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::metrics::Metrics;
use crate::upstream::Upstream;

/// A running admin listener. Dropping it ends it.
pub(crate) struct StatusServer {
    address: SocketAddr,
    /// Ends the listener when dropped.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone)]
struct Told {
    health: Health,
    upstream: Arc<dyn Upstream>,
    metrics: Arc<Metrics>,
}

impl StatusServer {
    pub(crate) fn start(
        address: SocketAddr,
        health: Health,
        upstream: Arc<dyn Upstream>,
        metrics: Arc<Metrics>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let listener = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let router = router(Told {
            health,
            upstream,
            metrics,
        });
        let thread = thread::Builder::new()
            .name("ipc-shim-admin".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    tokio::select! {
                        biased;
                        _ = stopped => {}
                        ended = axum::serve(listener, router) => {
                            if let Err(error) = ended {
                                tracing::error!(%error, "the admin listener ended");
                            }
                        }
                    }
                });
            })?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for StatusServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported on its way.
            let _ = thread.join();
        }
    }
}

fn router(told: Told) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/startupz", get(startupz))
        .route("/metrics", get(render))
        .with_state(told)
}

async fn livez(State(told): State<Told>) -> Response {
    let now = Instant::now();
    answer(told.health.facts(now).liveness(now))
}

async fn readyz(State(told): State<Told>) -> Response {
    let now = Instant::now();
    answer(told.health.facts(now).readiness(now))
}

async fn startupz(State(told): State<Told>) -> Response {
    answer(told.health.facts(Instant::now()).startup())
}

fn answer(verdict: Verdict) -> Response {
    let status = if verdict.is_ok() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, [(CACHE_CONTROL, "no-store")], Json(verdict)).into_response()
}

async fn render(State(told): State<Told>) -> Response {
    // Two registries, one document, which ends once.
    let upstream = told.upstream.metrics();
    let upstream = upstream.strip_suffix("# EOF\n").unwrap_or(&upstream);
    let text = format!("{upstream}{}", told.metrics.render());
    ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response()
}
