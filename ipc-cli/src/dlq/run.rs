//! `ipc dlq redrive` and `ipc dlq drop`.

use std::num::NonZeroU32;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use ipc_core::redrive::{Report, Run, RunError};
use ipc_core::service::shutdown_signal;
use tokio_util::sync::CancellationToken;

use super::Target;
use super::filter::FilterArgs;
use super::report::print;
use crate::failure::{Ended, Failure};
use crate::kafka::KafkaArgs;

#[derive(Debug, Args)]
pub(crate) struct RedriveArgs {
    #[command(flatten)]
    target: Target,

    #[command(flatten)]
    filter: FilterArgs,

    /// At most so many records a second
    #[arg(long, value_name = "RECORDS")]
    rate: Option<NonZeroU32>,

    /// Refuse what was sent back so often already
    #[arg(long, default_value_t = 3, value_name = "TIMES")]
    max_replays: u32,

    /// Send back too what lost headers that may carry a credential
    #[arg(long)]
    allow_redacted: bool,

    /// Send back too what speaks for the client that sent it
    #[arg(long)]
    trust_principal: bool,

    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
pub(crate) struct DropArgs {
    #[command(flatten)]
    target: Target,

    #[command(flatten)]
    filter: FilterArgs,

    /// Drop without a condition which
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
struct How {
    /// Touch nothing, and say what would be done
    #[arg(long)]
    dry_run: bool,

    /// Report as one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) async fn redrive(args: RedriveArgs, kafka: &KafkaArgs) -> Result<Ended, Failure> {
    let letters = args.target.open(kafka).await?;
    let run = letters
        .redrive(args.filter.filter())
        .max_replays(args.max_replays)
        .allow_redacted(args.allow_redacted)
        .trust_principals(args.trust_principal);
    let run = args.rate.into_iter().fold(run, Run::rate);
    finish(run, &args.filter, &args.how).await
}

pub(super) async fn drop_letters(args: DropArgs, kafka: &KafkaArgs) -> Result<Ended, Failure> {
    if args.filter.is_everything() && !args.all {
        return Err(Failure::wrong(
            "nothing says which letters to drop: name a condition, such as --reason, or give --all",
        ));
    }
    let letters = args.target.open(kafka).await?;
    let run = letters.drop_letters(args.filter.filter());
    finish(run, &args.filter, &args.how).await
}

async fn finish(run: Run, filter: &FilterArgs, how: &How) -> Result<Ended, Failure> {
    let bar = bar();
    let stop = CancellationToken::new();
    let told = bar.clone();
    let run = run
        .dry_run(how.dry_run)
        .until(stop.clone())
        .watch(move |report: &Report| {
            told.set_length(report.selected);
            told.set_position(report.done());
        })
        .run();
    let mut run = std::pin::pin!(run);
    let ended = tokio::select! {
        ended = &mut run => ended,
        () = shutdown_signal() => {
            stop.cancel();
            run.await
        }
    };
    bar.finish_and_clear();
    match ended {
        Ok(report) => {
            filter.check(&report.reasons)?;
            print(&report, how.json)?;
            Ok(if report.stopped {
                Ended::Early
            } else if report.refused.is_empty() {
                Ended::Well
            } else {
                Ended::WithRefusals
            })
        }
        Err(RunError { report, source }) => {
            print(&report, how.json)?;
            Err(source.into())
        }
    }
}

/// Where a terminal is looking; nothing elsewhere.
fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} letters, {eta} left");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}
