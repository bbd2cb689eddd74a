use std::{
    path::PathBuf,
    process::{Command, ExitCode},
};

use anyhow::{Result, ensure};
use clap::{Args, builder::RangedU64ValueParser};

use xtask::{
    broker::{Broker, KAFKA_VERSION, Provider},
    postgres::Postgres,
    redis::Redis,
};

use crate::{
    installed, peers,
    supervisor::{Supervisor, exit_code},
    workspace::cargo,
};

/// The version of the crate `gungraun`, which `ipc-counts` is built with.
const GUNGRAUN_VERSION: &str = "0.20.0";

/// Where it looks for the program that it runs with.
const GUNGRAUN_RUNNER: &str = "GUNGRAUN_RUNNER";

/// The measure that counts instructions.
const INSTRUCTIONS: &str = "instructions";

/// The measure that takes a Redis and a Postgres.
const DEDUP: &str = "dedup";

/// The measure that takes programs in other languages.
const PEERS: &str = "peers";

#[derive(Args)]
pub(crate) struct Bench {
    /// The measures to take [default: all that are no commands of their own]
    names: Vec<String>,
    /// Name the measures there are
    #[arg(long)]
    list: bool,
    /// Fewer and shorter rounds: proves that everything runs, and little else
    #[arg(long)]
    quick: bool,
    /// Write every round to this file
    #[arg(long)]
    json: Option<PathBuf>,
    /// Fail where a figure is out of its bound
    #[arg(long)]
    check: bool,
    /// Measure nothing: write docs/performance.md and its plots from what --json has written
    #[arg(long, value_name = "JSON", num_args = 1.., conflicts_with_all = ["names", "list", "quick", "json", "check", "bootstrap"])]
    report: Vec<PathBuf>,
    /// Use the Kafka at this address [default: one of its own]
    #[arg(long, conflicts_with = "brokers")]
    bootstrap: Option<String>,
    /// How many brokers its own Kafka has; more than one are always native
    #[arg(long, default_value_t = 1, value_parser = RangedU64ValueParser::<usize>::new().range(1..=9))]
    brokers: usize,
}

impl Bench {
    /// Every measure, as quickly as it can be taken.
    pub(crate) fn smoke() -> Self {
        Self {
            names: Vec::new(),
            list: false,
            quick: true,
            json: None,
            check: false,
            report: Vec::new(),
            bootstrap: None,
            brokers: 1,
        }
    }

    /// Builds the benchmarks for release and runs them; the code is theirs.
    pub(crate) fn run(self, supervisor: &mut Supervisor) -> Result<ExitCode> {
        let mut build = cargo("build")?;
        let built = supervisor.run(build.args(["--release", "--package", "ipc-bench"]))?;
        ensure!(built.success(), "the benchmarks could not be built");
        let mut bench = cargo("run")?;
        bench.args(["--quiet", "--release", "--package", "ipc-bench", "--"]);
        if self.list {
            return run(bench.arg("list"), supervisor);
        }
        if !self.report.is_empty() {
            bench.arg("report");
            for path in &self.report {
                bench.arg(std::path::absolute(path)?);
            }
            return run(&mut bench, supervisor);
        }
        if self.names.is_empty() || self.asks_for(INSTRUCTIONS) {
            let runner = installed::program("gungraun-runner", GUNGRAUN_VERSION, supervisor)?;
            bench.env(GUNGRAUN_RUNNER, &runner);
            // beforehand, so that it does not count as time that measuring takes, and with
            // the same runner: built without it would be built again
            let mut counts = cargo("bench")?;
            counts.env(GUNGRAUN_RUNNER, runner);
            counts.args(["--quiet", "--no-run", "--package", "ipc-counts"]);
            let built = supervisor.run(&mut counts)?;
            ensure!(built.success(), "the counts could not be built");
        }
        self.tell(bench.arg("run"))?;
        if self.asks_for(PEERS) {
            bench.args(peers::build(supervisor)?);
        }
        let databases = match self.asks_for(DEDUP) {
            true => Some((supervisor.start_redis()?, supervisor.start_postgres()?)),
            false => None,
        };
        if let Some((redis, postgres)) = &databases {
            bench.env(Redis::VARIABLE, redis.url());
            bench.env(Postgres::VARIABLE, postgres.url());
        }
        let needs_broker = self.names.iter().any(|name| name != INSTRUCTIONS);
        if self.bootstrap.is_some() || !(self.names.is_empty() || needs_broker) {
            return run(&mut bench, supervisor);
        }
        let kafka = supervisor.start_cluster(None, self.brokers)?;
        bench.args(["--bootstrap", &kafka.bootstrap()]);
        let is_ours = |broker: &Broker| broker.provider() != Provider::External;
        if kafka.brokers().iter().all(is_ours) {
            bench.args(["--kafka", KAFKA_VERSION]);
        }
        for id in kafka.brokers().iter().filter_map(Broker::process_id) {
            bench.args(["--broker", &id.to_string()]);
        }
        run(&mut bench, supervisor)
    }

    /// Whether a measure is asked for by its name.
    fn asks_for(&self, measure: &str) -> bool {
        self.names.iter().any(|name| name == measure)
    }

    /// Hands on what the benchmarks are to know.
    fn tell(&self, bench: &mut Command) -> Result<()> {
        bench.args(&self.names);
        for (flag, set) in [("--quick", self.quick), ("--check", self.check)] {
            if set {
                bench.arg(flag);
            }
        }
        if let Some(path) = &self.json {
            // cargo runs it in the root folder, wherever this was called
            bench.arg("--json").arg(std::path::absolute(path)?);
        }
        if let Some(bootstrap) = &self.bootstrap {
            bench.args(["--bootstrap", bootstrap]);
        }
        Ok(())
    }
}

fn run(command: &mut Command, supervisor: &mut Supervisor) -> Result<ExitCode> {
    Ok(exit_code(supervisor.run(command)?))
}
