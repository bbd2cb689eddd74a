//! The program's own log.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// How log lines are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Writes what is told from now on to standard error.
pub(crate) fn begin(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let mut lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // A log nobody reads any more must not end the process.
        .log_internal_errors(false)
        .with_writer(io::stderr);
    if !io::stderr().is_terminal() {
        lines = lines.with_ansi(false);
    }
    match format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
}
