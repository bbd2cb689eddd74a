use std::{
    env::{self, Args},
    io::{self, Write as _},
};

use anyhow::{Context as _, Result};
use axum::Router;
use ipc_core::service::{ServiceBuilder, shutdown_signal};
use tokio::task::JoinSet;
use tracing_subscriber::EnvFilter;

/// What a [`Worker`](crate::Worker)'s program was started with.
#[derive(Debug)]
pub struct Arguments(Args);

impl Arguments {
    /// Those of this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        let mut arguments = env::args();
        // the program's own name
        let _ = arguments.next();
        Self(arguments)
    }

    /// The next one.
    ///
    /// # Errors
    ///
    /// When there is none; `what` says what it would be.
    pub fn next(&mut self, what: &'static str) -> Result<String> {
        let next = self.0.next();
        next.with_context(|| format!("an argument is missing: {what}"))
    }
}

/// Writes a line to whoever started this process, if anybody listens still.
pub fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Serves until a signal asks for the end, and says when it begins to.
///
/// # Errors
///
/// What keeps the service from starting.
///
/// # Cancel safety
///
/// Dropping the future ends the service where it stands.
pub async fn serve(service: ServiceBuilder, app: Router) -> Result<()> {
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_env_filter(EnvFilter::from_default_env())
        .init();
    // caught before the first signal can come
    let signal = JoinSet::from_iter([shutdown_signal()]);
    service
        .on_ready(async || {
            say("serving");
            Ok::<_, io::Error>(())
        })
        .serve(app)
        .with_graceful_shutdown(async move {
            signal.join_all().await;
        })
        .await?;
    Ok(())
}
