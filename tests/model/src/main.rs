//! Trials of the model, one of each kind for each seed, on every core.
#![expect(
    clippy::print_stdout,
    reason = "a command line tool speaks to its terminal"
)]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::{Result, anyhow};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use ipc_core::testing::model::{Bug, History, Trial, check};
use tokio::runtime::Builder;

/// Looks for broken promises in seeded runs of a whole service under faults
#[derive(Parser)]
struct Arguments {
    /// How many seeds to try
    #[arg(long, default_value_t = 10_000)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Print the minimal history of so many failing seeds, and only the violations of the
    /// others: operations, instances, poison and faults are left out as long as the same
    /// promise is broken, until each one that is left is needed
    #[arg(long, default_value_t = 5)]
    histories: usize,
    /// Plant a bug, to see how it shows: its name, as `CommitsEarly`
    #[arg(long, value_parser = bug)]
    plant: Option<Bug>,
}

/// What is tried under a seed.
#[derive(Clone, Copy)]
enum Kind {
    AtLeastOnce,
    ExactlyOnce,
}

impl Kind {
    /// Those that are tried: both, or the one in which `bug` can show.
    fn tried(bug: Option<Bug>) -> &'static [Self] {
        match bug {
            None => &[Self::AtLeastOnce, Self::ExactlyOnce],
            Some(bug) if bug.is_of_transactions() => &[Self::ExactlyOnce],
            Some(_) => &[Self::AtLeastOnce],
        }
    }

    fn trial(self, seed: u64, bug: Option<Bug>) -> Trial {
        let trial = match self {
            Self::AtLeastOnce => Trial::new(seed),
            Self::ExactlyOnce => Trial::new(seed).exactly_once(),
        };
        match bug {
            Some(bug) => trial.plant(bug),
            None => trial,
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AtLeastOnce => "at least once",
            Self::ExactlyOnce => "exactly once",
        })
    }
}

fn bug(name: &str) -> Result<Bug, String> {
    let found = Bug::ALL.iter().find(|bug| format!("{bug:?}") == name);
    found.copied().ok_or_else(|| {
        let names: Vec<String> = Bug::ALL.iter().map(|bug| format!("{bug:?}")).collect();
        format!("no such bug: one of {}", names.join(", "))
    })
}

fn run(trial: Trial) -> Result<History> {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    let run = runtime.block_on(trial.run());
    run.map_err(|error| anyhow!("{error}"))
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let end = arguments.from + arguments.seeds;
    let kinds = Kind::tried(arguments.plant);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} trials, {eta} left")?;
    let progress = ProgressBar::new(arguments.seeds * kinds.len() as u64).with_style(style);
    let next = AtomicU64::new(arguments.from);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut failed = thread::scope(|scope| {
        let work = || {
            let mut failed = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= end {
                    return Ok(failed);
                }
                for kind in kinds {
                    let trial = kind.trial(seed, arguments.plant);
                    let history = run(trial).map_err(|error| error.context(seed))?;
                    let violations = check(&history);
                    if !violations.is_empty() {
                        failed.push((seed, *kind, violations));
                    }
                    progress.inc(1);
                }
            }
        };
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(|worker| match worker.join() {
            Ok(failed) => failed,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        let failed: Result<Vec<Vec<_>>> = joined.collect();
        anyhow::Ok(failed?.into_iter().flatten().collect::<Vec<_>>())
    })?;
    progress.finish_and_clear();
    failed.sort_by_key(|(seed, ..)| *seed);
    for (number, (seed, kind, violations)) in failed.iter().enumerate() {
        println!("seed {seed}, {kind}");
        for violation in violations {
            println!("  {violation}");
        }
        let Some(first) = violations.first().filter(|_| number < arguments.histories) else {
            continue;
        };
        let trial = kind.trial(*seed, arguments.plant);
        if let Some(history) = trial.minimal(first.promise, run)? {
            println!(
                "minimal history that breaks {:?}\n{history}\n",
                first.promise
            );
        }
    }
    let mut seeds: Vec<u64> = failed.iter().map(|(seed, ..)| *seed).collect();
    seeds.dedup();
    println!(
        "{} of {} seeds broke a promise in {} trials",
        seeds.len(),
        arguments.seeds,
        progress.position()
    );
    Ok(match failed.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
