//! Flags and commands.

use clap::{Parser, Subcommand};

use crate::dlq::DlqCommand;
use crate::kafka::KafkaArgs;
use crate::migrate::MigrateArgs;
use crate::pause::{PauseArgs, ResumeArgs};
use crate::trace::TraceArgs;

/// Looks after services on Kafka.
#[derive(Debug, Parser)]
#[command(
    name = "ipc",
    version,
    after_help = "Exit codes: 0 done; 1 something did not work, try again; 2 the command cannot be obeyed as it is; \
                  3 done, but some letters were refused, or not all instances obey yet; 4 a signal came before the last letter"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Dead letters: records that a service gave up
    Dlq {
        #[command(subcommand)]
        command: DlqCommand,
    },
    /// Routes on their way from a legacy server to Kafka
    Migrate(MigrateArgs),
    /// Stop consuming, all of a service or single endpoints, until it is resumed
    Pause(PauseArgs),
    /// Consume again what was paused
    Resume(ResumeArgs),
    /// What became of one message: what happened when, and where it is now
    Trace(TraceArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_commands_are_consistent() {
        Args::command().debug_assert();
    }
}
