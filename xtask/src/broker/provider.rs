use std::{env, fmt};

use anyhow::{Result, anyhow};
use clap::ValueEnum;

const EXTERNAL_ADDRESS: &str = "KAFKA_BOOTSTRAP_SERVERS";

/// Where a Kafka comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Provider {
    /// A Kafka that somebody else runs, without TLS or authentication: `KAFKA_BOOTSTRAP_SERVERS` names it.
    External,
    /// The image `apache/kafka`, run by a Docker daemon.
    Container,
    /// A Java process; its libraries come from Maven Central, once.
    Native,
}

impl Provider {
    /// Every provider, in the order in which they are tried.
    pub const ALL: [Self; 3] = [Self::External, Self::Container, Self::Native];

    /// The providers whose broker belongs to whoever starts it, so that it can be stopped and started again.
    pub const PRIVATE: [Self; 2] = [Self::Container, Self::Native];
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::External => "external",
            Self::Container => "container",
            Self::Native => "native",
        })
    }
}

pub(super) fn external_address() -> Result<String> {
    env::var(EXTERNAL_ADDRESS)
        .map_err(|_| anyhow!("{EXTERNAL_ADDRESS} is not set: set it to a Kafka that runs already"))
}
