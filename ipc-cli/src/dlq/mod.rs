//! Dead letters.

mod filter;
mod letter;
mod list;
mod report;
mod run;
mod show;

use std::sync::Arc;

use clap::{Args, Subcommand};
use ipc_core::redrive::DeadLetters;
use ipc_core::transport::Transport as _;

use crate::failure::{Ended, Failure};
use crate::kafka::KafkaArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum DlqCommand {
    /// What is there
    List(list::ListArgs),
    /// Some letters in full: headers and payload too
    Show(show::ShowArgs),
    /// Send letters back to the topics they came from
    Redrive(run::RedriveArgs),
    /// Decide that letters are not to be sent back
    Drop(run::DropArgs),
}

/// Whose dead letters.
#[derive(Debug, Args)]
struct Target {
    /// The service that gave the records up
    #[arg(required_unless_present = "topic")]
    service: Option<String>,

    /// The dead-letter topic by its whole name, where it is not the service's `.dlq` topic
    #[arg(long, conflicts_with = "service", value_name = "TOPIC")]
    topic: Option<String>,
}

impl Target {
    async fn open(&self, kafka: &KafkaArgs) -> Result<DeadLetters, Failure> {
        let transport = kafka.connect().await?;
        let names = transport.topic_names();
        let of_service = self.service.as_deref().map(|name| names.dead_letters(name));
        let topic = self.topic.as_deref().map(Arc::from).or(of_service);
        let topic = topic.unwrap_or_default();
        Ok(DeadLetters::open(Arc::new(transport), &topic).await?)
    }
}

pub(crate) async fn run(command: DlqCommand, kafka: &KafkaArgs) -> Result<Ended, Failure> {
    match command {
        DlqCommand::List(args) => list::list(args, kafka).await,
        DlqCommand::Show(args) => show::show(args, kafka).await,
        DlqCommand::Redrive(args) => run::redrive(args, kafka).await,
        DlqCommand::Drop(args) => run::drop_letters(args, kafka).await,
    }
}
