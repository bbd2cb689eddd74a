//! The gateway as a program: see the README.

mod args;
mod log;
mod serve;

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, stream};
use ipc_core::health::Health;
use ipc_core::service::shutdown_signal;
use ipc_http_shim::auth::api_key;
use ipc_http_shim::config::Overrides;
use ipc_http_shim::import::{Towards, import};
use ipc_http_shim::reload::{self, Seen, Source};
use ipc_http_shim::upstream::{KafkaUpstream, NoUpstream, Upstream};
use ipc_http_shim::{Config, Shim, config};

use args::{Args, Command};

/// How long records may take to settle once nothing more is sent.
const CLOSE: Duration = Duration::from_secs(4);

fn main() -> ExitCode {
    let (mut args, overrides) = Args::read();
    match args.command.take() {
        Some(Command::Schema) => return print(&config::schema()),
        Some(Command::ApiKey { name, scopes }) => {
            return match api_key::made(&name, &scopes) {
                Ok(told) => print(&told),
                Err(error) => fail(&error.to_string()),
            };
        }
        Some(Command::Import { document, service }) => {
            return imported(&document, service.as_deref());
        }
        Some(Command::Serve(args)) => {
            log::begin(args.log_format);
            return run_to_end(serve::serve(*args));
        }
        None => {}
    }
    // Flags without a command are not read without it.
    let path = args.config.clone().unwrap_or_default();
    let file = path.display().to_string();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => return fail(&format!("{file} cannot be read: {error}")),
    };
    if let Some(asked) = asked(&args, &file, &text, &overrides) {
        return match asked {
            Ok(told) => print(&told),
            Err(error) => fail(&chain(&*error)),
        };
    }
    let source = Source { path, overrides };
    let seen = source.seen(text.clone());
    let config = match config::load(&file, &text, &source.overrides) {
        Ok(config) => config,
        Err(mistakes) => return fail(&mistakes.to_string()),
    };
    if args.check {
        let routes = config.routes.len();
        return print(&format!("{file} is in order: {routes} routes\n"));
    }
    log::begin(args.log_format);
    run_to_end(run(&config, source, seen))
}

/// Runs what serves, on a runtime of its own.
fn run_to_end(serving: impl Future<Output = Result<(), Box<dyn Error>>>) -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("the runtime cannot start: {error}")),
    };
    let ended = runtime.block_on(serving);
    // Whatever did not end in its time does not hold the process up.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&chain(&*error)),
    }
}

/// Prints the routes that a document describes.
fn imported(document: &Path, service: Option<&str>) -> ExitCode {
    let file = document.display().to_string();
    let text = match std::fs::read_to_string(document) {
        Ok(text) => text,
        Err(error) => return fail(&format!("{file} cannot be read: {error}")),
    };
    let towards = service.map_or(Towards::Legacy, |name| Towards::Service(name.to_owned()));
    match import(&file, &text, &towards) {
        Ok(routes) => print(&routes),
        Err(mistakes) => fail(&mistakes.to_string()),
    }
}

/// What the configuration comes to, where that is all that is asked for.
fn asked(
    args: &Args,
    file: &str,
    text: &str,
    overrides: &Overrides,
) -> Option<Result<String, Box<dyn Error>>> {
    if args.print_effective {
        let told = config::effective(file, text, overrides);
        return Some(told.map_err(Into::into));
    }
    let [method, target] = args.explain.as_deref()? else {
        return None;
    };
    Some(
        config::Question::parse(method, target)
            .map_err(Into::into)
            .and_then(|question| {
                let told = config::explain(file, text, overrides, &question);
                told.map_err(Into::into)
            }),
    )
}

/// Serves until a signal, and drains.
async fn run(config: &Config, source: Source, seen: Seen) -> Result<(), Box<dyn Error>> {
    // Caught before anything takes its time: uncaught it would end the process.
    let hangups = hangups()?;
    let (shim, kafka) = start(config).await?;
    tracing::info!(
        listen = %shim.address(),
        admin = shim.admin_address().map(tracing::field::display),
        routes = config.routes.len(),
        "serving"
    );
    let following = reload::follow(source, seen, shim.live(), hangups);
    let drained = tokio::select! {
        drained = shim.serve(shutdown_signal()) => drained,
        never = following => match never {},
    };
    if drained.cut_off > 0 {
        tracing::warn!(
            cut_off = drained.cut_off,
            within = ?config.drain,
            "connections were still in use after the drain"
        );
    }
    if let Some(kafka) = kafka
        && tokio::time::timeout(CLOSE, kafka.close()).await.is_err()
    {
        tracing::warn!("some records are unsettled");
    }
    Ok(())
}

/// Each SIGHUP from now on.
#[cfg(unix)]
fn hangups() -> io::Result<impl Stream<Item = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let signal = signal(SignalKind::hangup())?;
    Ok(stream::unfold(signal, async |mut signal| {
        signal.recv().await.map(|()| ((), signal))
    }))
}

/// None: there is no such signal here.
#[cfg(not(unix))]
fn hangups() -> io::Result<impl Stream<Item = ()>> {
    Ok(stream::empty())
}

async fn start(config: &Config) -> Result<(Shim, Option<Arc<KafkaUpstream>>), Box<dyn Error>> {
    let health = Health::new();
    if !config.uses_kafka() {
        let shim = Shim::bind(config, Arc::new(NoUpstream), health).await?;
        return Ok((shim, None));
    }
    let kafka = Arc::new(KafkaUpstream::connect(config, &health).await?);
    let upstream: Arc<dyn Upstream> = kafka.clone();
    let shim = Shim::bind(config, upstream, health).await?;
    let shim = shim.agreeing(config, config.kafka_config()).await?;
    Ok((shim, Some(kafka)))
}

/// What went wrong, down to its cause.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}

fn print(text: &str) -> ExitCode {
    // Nobody to read it is no failure.
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn fail(text: &str) -> ExitCode {
    // Nobody to read it changes nothing.
    let _ = writeln!(io::stderr(), "{text}");
    ExitCode::FAILURE
}
