//! What request/reply over Kafka costs, beside the floors it is compared with.
//! `cargo xtask bench` starts a broker and this program.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks to its terminal"
)]

mod bench;
mod bounds;
mod figure;
mod http;
mod load;
mod measure;
mod ours;
mod page;
mod peers;
mod plot;
mod raw;
mod report;
mod resources;
mod table;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use self::bench::{Bench, Pace};
use self::bounds::Bounds;
use self::measure::Measure;
use self::peers::Peers;
use self::report::{Report, Taken};

#[derive(Parser)]
#[command(bin_name = "cargo xtask bench")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Take measures and print them
    Run(Run),
    /// Name the measures there are
    List,
    /// Write docs/performance.md and its plots anew
    Report {
        /// What `--json` has written
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// One process of a measure
    #[command(hide = true)]
    Worker { role: String },
}

#[derive(Args)]
struct Run {
    /// The measures to take [default: all that are no commands of their own]
    names: Vec<String>,
    /// Where the Kafka is; empty for measures that need none
    #[arg(long, default_value_t)]
    bootstrap: String,
    /// The version of that Kafka, for the record
    #[arg(long, default_value = "unknown")]
    kafka: String,
    /// The process of a broker, whose CPU time is told apart (may be repeated)
    #[arg(long)]
    broker: Vec<i32>,
    #[command(flatten)]
    peers: Peers,
    /// Fewer and shorter rounds: proves that everything runs, and little else
    #[arg(long)]
    quick: bool,
    /// Writes every round to this file
    #[arg(long)]
    json: Option<PathBuf>,
    /// Fails where a figure is out of its bound
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Run(run) => self::run(run),
        Task::List => {
            list();
            Ok(ExitCode::SUCCESS)
        }
        Task::Report { files } => Bounds::read()
            .and_then(|bounds| page::write(&files, &bounds))
            .map(|()| ExitCode::SUCCESS),
        Task::Worker { role } => worker::serve(&role).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn list() {
    for measure in measure::ALL {
        let note = if measure.by_name_only {
            " (by name only)"
        } else {
            ""
        };
        println!("{:14} {}{note}", measure.name, measure.about);
    }
}

fn run(run: Run) -> Result<ExitCode> {
    let chosen = Measure::chosen(&run.names)?;
    let bounds = Bounds::read()?;
    let pace = if run.quick { Pace::QUICK } else { Pace::FULL };
    let mut report = Report::begin(run.kafka, pace.rounds, run.quick);
    let bench = Bench::new(run.bootstrap, run.broker, pace, run.peers, chosen.len());
    for measure in chosen {
        bench.begin(measure.name);
        let begun = Instant::now();
        let taken = Taken {
            name: measure.name.to_owned(),
            about: measure.about.to_owned(),
            figures: (measure.run)(&bench)?,
            seconds: begun.elapsed().as_secs_f64(),
            remarks: bench.take_remarks(),
        };
        bench.print(&table::table(&taken, &bounds));
        taken.remarks.iter().for_each(|remark| println!("{remark}"));
        report.measures.push(taken);
        if let Some(path) = &run.json {
            // each time, so that a measure that fails leaves those before it
            report.write(path)?;
        }
    }
    bench.end();
    let seconds = report.measures.iter().map(|taken| taken.seconds).sum();
    eprintln!("took {}", minutes(seconds));
    let breaches = bounds.breaches(&report);
    for breach in &breaches {
        eprintln!("out of bounds: {breach}");
    }
    Ok(match run.check && !breaches.is_empty() {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

fn minutes(seconds: f64) -> String {
    let whole = seconds.round();
    let (minutes, seconds) = ((whole / 60.0).floor(), whole % 60.0);
    format!("{minutes:.0} min {seconds:.0} s")
}
