use std::{env, ffi::OsString, process::ExitCode, thread};

use anyhow::Result;
use xtask::{
    broker::{Provider, Session},
    postgres::Postgres,
    redis::Redis,
};

use crate::{
    supervisor::{Supervisor, exit_code},
    workspace::{cargo, cargo_for_all},
};

/// How many tests run at once, unless told otherwise.
const THREADS: &str = "RUST_TEST_THREADS";
/// For each core: most of their time tests wait for a broker.
const PER_CORE: usize = 3;

/// Runs the tests against a broker, a Postgres and a Redis that live as long as they do; the code is that of
/// `cargo test`.
pub(crate) fn run(
    supervisor: &mut Supervisor,
    provider: Option<Provider>,
    arguments: &[OsString],
) -> Result<ExitCode> {
    // one that runs already serves as well
    let redis = match env::var_os(Redis::VARIABLE) {
        Some(_) => None,
        None => Some(supervisor.start_redis()?),
    };
    if let Some(redis) = &redis {
        eprintln!("redis at {}", redis.address());
    }
    let broker = supervisor.start_broker(provider)?;
    for reason in broker.passed_over() {
        eprintln!("passed over {reason}");
    }
    eprintln!("kafka ({}) at {}", broker.provider(), broker.bootstrap());

    // one that runs already serves as well
    let postgres = match env::var_os(Postgres::VARIABLE) {
        Some(_) => None,
        None => Some(supervisor.start_postgres()?),
    };
    if let Some(postgres) = &postgres {
        eprintln!("postgres at 127.0.0.1:{}", postgres.port());
    }

    let session = Session::begin();
    let mut tests = if names_crates(arguments) {
        cargo("test")?
    } else {
        cargo_for_all("test")?
    };
    tests
        .args(arguments)
        .env("IPC_TEST_BOOTSTRAP", broker.bootstrap())
        .env("IPC_TEST_PROVIDER", broker.provider().to_string())
        .env(Session::VARIABLE, session.id())
        // the tests must not depend on who provides the broker
        .env_remove("KAFKA_BOOTSTRAP_SERVERS");
    if let Some(postgres) = &postgres {
        tests.env(Postgres::VARIABLE, postgres.url());
    }
    if let Some(redis) = &redis {
        tests.env(Redis::VARIABLE, redis.url());
    }
    if env::var_os(THREADS).is_none() {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        tests.env(THREADS, (PER_CORE * cores).to_string());
    }
    let status = supervisor.run(&mut tests)?;
    let swept = session.end();
    // the other providers do not need Docker: where it is not there, nothing was left in it
    if broker.provider() == Provider::Container {
        swept?;
    }

    if !status.success()
        && !supervisor.interrupted()
        && let Ok(log) = broker.save_log()
    {
        eprintln!("the broker's log: {}", log.display());
    }
    Ok(exit_code(status))
}

/// Whether the arguments for cargo (those before a `--`) say themselves which crates they mean.
fn names_crates(arguments: &[OsString]) -> bool {
    arguments
        .iter()
        .map(|argument| argument.to_string_lossy())
        .take_while(|argument| argument != "--")
        .any(|argument| argument.starts_with("-p") || argument.starts_with("--package"))
}
