//! The `ipc` command: see the README.

mod args;
mod dlq;
mod failure;
mod kafka;
mod migrate;
mod pause;
mod text;
mod time;
mod trace;

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use args::{Args, Command};
use failure::{Ended, Failure};

fn main() -> ExitCode {
    let args = Args::parse();
    log();
    let ended = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::broken(format!("the runtime cannot start: {error}")))
        .and_then(|runtime| {
            let ended = runtime.block_on(run(args));
            // Clients that are still closing do not hold the process up.
            runtime.shutdown_background();
            ended
        });
    match ended {
        Ok(ended) => ended.code(),
        Err(failure) => {
            // Nobody to read it changes nothing.
            let _ = writeln!(io::stderr(), "error: {failure}");
            failure.code()
        }
    }
}

async fn run(args: Args) -> Result<Ended, Failure> {
    match args.command {
        Command::Dlq { command } => dlq::run(command, &args.kafka).await,
        Command::Migrate(migrate) => migrate::migrate(migrate, &args.kafka).await,
        Command::Pause(pause) => pause::pause(pause, &args.kafka).await,
        Command::Resume(resume) => pause::resume(resume, &args.kafka).await,
        Command::Trace(trace) => trace::trace(trace, &args.kafka).await,
    }
}

/// Lines for whoever asks for them: the command itself says what matters.
fn log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    let mut lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .log_internal_errors(false)
        .with_writer(io::stderr);
    if !io::stderr().is_terminal() {
        lines = lines.with_ansi(false);
    }
    lines.init();
}
