//! The admin listener: probes and metrics on a port of their own.
//!
//! It runs on a thread and a runtime of its own, so that it answers while the
//! main runtime is saturated, and can say so.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::health::{Health, Verdict};
use crate::metrics::CONTENT_TYPE as OPEN_METRICS;

/// How often the main runtime has to show that it turns.
const BEAT: Duration = Duration::from_millis(500);
/// How long an answer under way may keep the listener from ending.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Writes the metrics document of this moment.
type Renderer = Arc<dyn Fn() -> String + Send + Sync>;

/// The admin listener could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen for admin requests on {address}: {reason}: choose another admin address")]
pub struct AdminError {
    /// The address asked for.
    pub address: SocketAddr,
    /// What the system says.
    pub reason: io::Error,
}

/// Answers `GET /livez`, `/readyz`, `/startupz` and `/metrics`.
///
/// A probe is answered 200 or 503, with the reasons as JSON:
/// `{"ok": false, "reasons": ["draining"], "warnings": []}`.
///
/// Dropping it ends it in the background; [`stop`](Admin::stop) waits for that.
#[derive(Debug)]
pub struct Admin {
    address: SocketAddr,
    ending: DropGuard,
    ended: oneshot::Receiver<()>,
    /// The beat of the main runtime; ends with this.
    beat: JoinSet<()>,
}

impl Admin {
    /// Listens on `address`; port 0 takes a free one. `/metrics` answers what
    /// `render` writes, in the OpenMetrics text format: `move || metrics.render()`.
    /// The runtime that this is awaited on is the main one, whose beat is watched
    /// from now on.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened on: it is taken, or not ours.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the listener again.
    pub async fn start(
        address: SocketAddr,
        health: Health,
        render: impl Fn() -> String + Send + Sync + 'static,
    ) -> Result<Self, AdminError> {
        Self::start_with(address, health, render, Router::new()).await
    }

    /// As [`start`](Self::start), with routes of the process's own beside them. Their
    /// handlers run on the thread of the listener.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    ///
    /// # Panics
    ///
    /// Where `own` has a route that stands above.
    ///
    /// # Cancel safety
    ///
    /// As [`start`](Self::start).
    pub async fn start_with(
        address: SocketAddr,
        health: Health,
        render: impl Fn() -> String + Send + Sync + 'static,
        own: Router,
    ) -> Result<Self, AdminError> {
        let failed = |reason| AdminError { address, reason };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?;
        let ending = CancellationToken::new();
        let token = ending.clone();
        let app = router(health.clone(), Arc::new(render)).merge(own);
        let (up, is_up) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let guard = ending.drop_guard();
        thread::Builder::new()
            .name("ipc-admin".to_owned())
            .spawn(move || {
                run(listener, app, token, up);
                // Nobody waits for it when it was only dropped.
                let _ = end.send(());
            })
            .map_err(failed)?;
        is_up
            .await
            .unwrap_or_else(|_| Err(io::Error::other("its thread has ended")))
            .map_err(failed)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(beat(health));
        Ok(Self {
            address: local,
            ending: guard,
            ended,
            beat: tasks,
        })
    }

    /// The address listened on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the listener, and answers what it has begun to answer.
    ///
    /// # Cancel safety
    ///
    /// The listener ends all the same.
    pub async fn stop(mut self) {
        drop(self.ending);
        // An error means that its thread has gone: it has ended.
        let _ = self.ended.await;
        self.beat.shutdown().await;
    }
}

/// Shows, from the main runtime, that this one turns.
async fn beat(health: Health) {
    let mut ticks = interval(BEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        health.runtime_turned(Instant::now());
    }
}

/// Serves until `ending`, on this thread; tells `up` whether it does.
fn run(
    listener: TcpListener,
    app: Router,
    ending: CancellationToken,
    up: oneshot::Sender<io::Result<()>>,
) {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        // Nobody listening any more: the start was given up.
        Err(error) => return drop(up.send(Err(error))),
    };
    runtime.block_on(async {
        let listener = match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => return drop(up.send(Err(error))),
        };
        drop(up.send(Ok(())));
        serve(listener, app, ending).await;
    });
}

async fn serve(listener: tokio::net::TcpListener, app: Router, ending: CancellationToken) {
    let served = axum::serve(listener, app)
        .with_graceful_shutdown(ending.clone().cancelled_owned())
        .into_future();
    let patience = async {
        ending.cancelled().await;
        tokio::time::sleep(LAST_ANSWERS).await;
    };
    tokio::select! {
        biased;
        result = served => if let Err(error) = result {
            tracing::error!(%error, "admin listener ended");
        },
        () = patience => {}
    }
}

fn router(health: Health, renderer: Renderer) -> Router {
    let probes = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/startupz", get(startupz))
        .with_state(health);
    let metrics = Router::new()
        .route("/metrics", get(metrics))
        .with_state(renderer);
    probes.merge(metrics)
}

async fn livez(State(health): State<Health>) -> Response {
    let now = Instant::now();
    answer(health.facts(now).liveness(now))
}

async fn readyz(State(health): State<Health>) -> Response {
    let now = Instant::now();
    answer(health.facts(now).readiness(now))
}

async fn startupz(State(health): State<Health>) -> Response {
    answer(health.facts(Instant::now()).startup())
}

fn answer(verdict: Verdict) -> Response {
    let status = if verdict.is_ok() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, [(CACHE_CONTROL, "no-store")], Json(verdict)).into_response()
}

async fn metrics(State(render): State<Renderer>) -> Response {
    ([(CONTENT_TYPE, OPEN_METRICS)], render()).into_response()
}
