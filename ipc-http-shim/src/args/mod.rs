//! Flags, and the environment variables under them.

mod property;
mod serve;

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use ipc_http_shim::config::{Override, Overrides};

use self::property::property;
pub(crate) use self::serve::{Retries, ServeArgs, Where};
use crate::log::LogFormat;

/// HTTP in front of services on Kafka.
///
/// Flags win over environment variables, and those over the file. Every
/// librdkafka property can be set as KAFKA_<PROPERTY_WITH_UNDERSCORES>.
#[derive(Debug, Parser)]
#[command(
    name = "ipc-http-shim",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// The configuration file.
    #[arg(
        short,
        long,
        env = "IPC_SHIM_CONFIG",
        value_name = "FILE",
        required = true
    )]
    pub(crate) config: Option<PathBuf>,

    /// Says what is wrong with the configuration, and ends.
    #[arg(long)]
    pub(crate) check: bool,

    /// Prints the configuration with its defaults, and where each value is from, and
    /// ends. Secrets are not shown.
    #[arg(long, conflicts_with = "check")]
    pub(crate) print_effective: bool,

    /// Prints what becomes of a request, and why, and ends.
    #[arg(
        long,
        num_args = 2,
        value_names = ["METHOD", "PATH"],
        conflicts_with_all = ["check", "print_effective"]
    )]
    pub(crate) explain: Option<Vec<String>>,

    /// Where HTTP clients are served.
    #[arg(long, env = "IPC_SHIM_LISTEN", value_name = "ADDRESS")]
    listen: Option<String>,

    /// Where health and metrics are served.
    #[arg(long, env = "IPC_SHIM_ADMIN", value_name = "ADDRESS")]
    admin: Option<String>,

    /// The name all instances of this gateway share.
    #[arg(long, env = "IPC_SHIM_FLEET", value_name = "NAME")]
    fleet: Option<String>,

    /// Where requests go that no route names.
    #[arg(long, env = "IPC_SHIM_LEGACY", value_name = "ORIGIN")]
    legacy: Option<String>,

    /// How long a request may wait for the head of its answer.
    #[arg(long, env = "IPC_SHIM_TIMEOUT", value_name = "DURATION")]
    timeout: Option<String>,

    /// How long requests under way may go on after a signal to stop.
    #[arg(long, env = "IPC_SHIM_DRAIN", value_name = "DURATION")]
    drain: Option<String>,

    /// A librdkafka property; can be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = property)]
    kafka: Vec<(String, String)>,

    /// How log lines are written. RUST_LOG says which are.
    #[arg(
        long,
        env = "IPC_SHIM_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text"
    )]
    pub(crate) log_format: LogFormat,
}

/// What is done instead of standing in front of services.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Stands beside an HTTP process in any language, and makes it a service on Kafka.
    Serve(Box<ServeArgs>),
    /// Prints the JSON Schema of the configuration file.
    Schema,
    /// Makes an API key: prints it, this once, and the lines that the configuration
    /// knows it by.
    ApiKey {
        /// Whose key it is.
        name: String,
        /// What it may do; can be repeated.
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
    },
    /// Prints a configuration with the routes of an OpenAPI 3 document.
    Import {
        /// The document, JSON or YAML.
        document: PathBuf,
        /// The service that the routes go to. Without it they go where the document
        /// says the API is served, until they are moved one by one.
        #[arg(long, value_name = "NAME")]
        service: Option<String>,
    },
}

impl Args {
    /// Reads the process's own flags and environment; ends the process where
    /// they cannot be read.
    pub(crate) fn read() -> (Self, Overrides) {
        let matches = Self::command().get_matches();
        let args = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        let overrides = args.overrides(&matches, std::env::vars_os());
        (args, overrides)
    }

    fn overrides(
        &self,
        matches: &ArgMatches,
        variables: impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
    ) -> Overrides {
        let over = |value: &Option<String>, id: &str| {
            let from_variable = matches.value_source(id) == Some(ValueSource::EnvVariable);
            let name = if from_variable {
                format!("IPC_SHIM_{}", id.to_ascii_uppercase())
            } else {
                format!("--{id}")
            };
            value.clone().map(|value| Override::new(name, value))
        };
        // A variable that is not text is no property.
        let variables = variables.filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let mut overrides = Overrides::default().with_kafka_variables(variables);
        overrides.listen = over(&self.listen, "listen");
        overrides.admin = over(&self.admin, "admin");
        overrides.fleet = over(&self.fleet, "fleet");
        overrides.legacy = over(&self.legacy, "legacy");
        overrides.timeout = over(&self.timeout, "timeout");
        overrides.drain = over(&self.drain, "drain");
        let flags = self.kafka.iter().cloned();
        let flags = flags.map(|(name, value)| (name, Override::new("--kafka", value)));
        overrides.kafka.extend(flags);
        overrides
    }
}
