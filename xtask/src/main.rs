//! `cargo xtask`: the tasks of this workspace that cargo alone does not know.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks to its terminal"
)]

mod bench;
mod ci;
mod deny;
mod docker;
mod image;
mod installed;
mod peers;
mod setup;
mod supervisor;
mod tests;
mod workspace;

use std::{ffi::OsString, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand, builder::RangedU64ValueParser};
use xtask::broker::{KAFKA_VERSION, Provider};

use self::{
    bench::Bench,
    ci::Check,
    supervisor::{Supervisor, exit_code},
};

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what the tests need of this machine, or name it
    Setup,
    /// Run every test of every crate, against a real Kafka and a real Redis
    Test {
        /// Where the Kafka comes from [default: the first that works, in this order]
        #[arg(long)]
        provider: Option<Provider>,
        /// What `cargo test` is given; `-p` narrows the run to some crates
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// Run a Kafka until Ctrl-C
    Kafka {
        /// Where the Kafka comes from [default: the first that works, in this order]
        #[arg(long)]
        provider: Option<Provider>,
        /// How many brokers it has; more than one are always native
        #[arg(long, default_value_t = 1, value_parser = RangedU64ValueParser::<usize>::new().range(1..=9))]
        brokers: usize,
    },
    /// Run every check that a change must pass
    Ci {
        /// A check to leave out (may be repeated)
        #[arg(long)]
        except: Vec<Check>,
    },
    /// Measure what request/reply costs, beside its floors
    Bench(Bench),
    /// Look for broken promises in seeded runs of a whole service under faults
    Model {
        /// What the model is given; `--help` tells
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    run(Arguments::parse().task).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

/// Built for release: there are many seeds.
fn model(supervisor: &mut Supervisor, arguments: &[OsString]) -> Result<ExitCode> {
    let mut model = workspace::cargo("run")?;
    model.args(["--quiet", "--release", "--package", "ipc-model", "--"]);
    Ok(exit_code(supervisor.run(model.args(arguments))?))
}

fn run(task: Task) -> Result<ExitCode> {
    let mut supervisor = Supervisor::new()?;
    match task {
        Task::Setup => setup::run(&mut supervisor),
        Task::Test {
            provider,
            arguments,
        } => tests::run(&mut supervisor, provider, &arguments),
        Task::Kafka { provider, brokers } => kafka(&mut supervisor, provider, brokers),
        Task::Ci { except } => ci::run(&mut supervisor, &except),
        Task::Bench(bench) => bench.run(&mut supervisor),
        Task::Model { arguments } => model(&mut supervisor, &arguments),
    }
}

fn kafka(
    supervisor: &mut Supervisor,
    provider: Option<Provider>,
    brokers: usize,
) -> Result<ExitCode> {
    let kafka = supervisor.start_cluster(provider, brokers)?;
    println!("KAFKA_BOOTSTRAP_SERVERS={}", kafka.bootstrap());
    for broker in kafka.brokers() {
        eprintln!(
            "kafka {KAFKA_VERSION} ({}) runs at {}; Ctrl-C stops it",
            broker.provider(),
            broker.bootstrap()
        );
    }
    supervisor.await_signal()?;
    Ok(ExitCode::SUCCESS)
}
