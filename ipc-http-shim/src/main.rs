//! The gateway as a program: see the README.

mod args;
mod signals;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use ipc_http_shim::upstream::{KafkaUpstream, NoUpstream, Upstream};
use ipc_http_shim::{Config, Shim, config};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use args::{Args, LogFormat};
use signals::Signals;

/// How long records may take to settle once nothing more is sent.
const CLOSE: Duration = Duration::from_secs(4);

fn main() -> ExitCode {
    let (args, overrides) = Args::read();
    let file = args.config.display().to_string();
    let text = match std::fs::read_to_string(&args.config) {
        Ok(text) => text,
        Err(error) => return fail(&format!("{file} cannot be read: {error}")),
    };
    let config = match config::load(&file, &text, &overrides) {
        Ok(config) => config,
        Err(mistakes) => return fail(&mistakes.to_string()),
    };
    if args.check {
        let routes = config.routes.len();
        // Nobody to read it is no failure of the check.
        let _ = writeln!(io::stdout(), "{file} is in order: {routes} routes");
        return ExitCode::SUCCESS;
    }
    log(args.log_format);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("the runtime cannot start: {error}")),
    };
    let code = runtime.block_on(run(&config));
    // Whatever did not end in its time does not hold the process up.
    runtime.shutdown_background();
    code.unwrap_or_else(|error| fail(&chain(&*error)))
}

/// Serves until a signal, drains, and says how the process ends.
async fn run(config: &Config) -> Result<ExitCode, Box<dyn Error>> {
    let mut signals = Signals::listen()?;
    let started = tokio::select! {
        biased;
        _ = signals.next() => return Ok(ExitCode::SUCCESS),
        started = start(config) => started?,
    };
    let (shim, kafka) = started;
    tracing::info!(
        listen = %shim.address(),
        admin = shim.admin_address().map(tracing::field::display),
        routes = config.routes.len(),
        "serving"
    );

    let stop = CancellationToken::new();
    let ending = async {
        let drained = shim.serve(stop.clone().cancelled_owned()).await;
        if drained.cut_off > 0 {
            tracing::warn!(cut_off = drained.cut_off, "the drain took too long");
        }
        if let Some(kafka) = kafka
            && tokio::time::timeout(CLOSE, kafka.close()).await.is_err()
        {
            tracing::warn!("some records are unsettled");
        }
    };
    tokio::pin!(ending);
    tokio::select! {
        biased;
        _ = signals.next() => stop.cancel(),
        () = &mut ending => return Ok(ExitCode::SUCCESS),
    }
    tracing::info!("draining; a second signal ends it at once");
    tokio::select! {
        biased;
        signal = signals.next() => {
            let signal = u8::try_from(signal.as_raw_value()).unwrap_or(0);
            Ok(ExitCode::from(128 + signal))
        }
        () = &mut ending => Ok(ExitCode::SUCCESS),
    }
}

async fn start(config: &Config) -> Result<(Shim, Option<Arc<KafkaUpstream>>), Box<dyn Error>> {
    if !config.uses_kafka() {
        return Ok((Shim::bind(config, Arc::new(NoUpstream)).await?, None));
    }
    let kafka = Arc::new(KafkaUpstream::connect(config).await?);
    let upstream: Arc<dyn Upstream> = kafka.clone();
    Ok((Shim::bind(config, upstream).await?, Some(kafka)))
}

fn log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    match format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
}

/// What went wrong, down to its cause.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}

fn fail(text: &str) -> ExitCode {
    // Nobody to read it changes nothing.
    let _ = writeln!(io::stderr(), "{text}");
    ExitCode::FAILURE
}
