//! Flags of `ipc-http-shim serve`.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use ipc_http_shim::config::LegacyOrigin;

use super::property::property;
use crate::log::LogFormat;

/// What a worker is told. Every librdkafka property can be set as
/// KAFKA_<PROPERTY_WITH_UNDERSCORES>.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The service: its requests are on the topic <NAME>.requests.
    #[arg(long, env = "IPC_WORKER_SERVICE", value_name = "NAME")]
    pub(crate) service: String,

    /// The HTTP process, as http://host:port.
    #[arg(long, env = "IPC_WORKER_UPSTREAM", value_name = "ORIGIN", value_parser = origin)]
    pub(crate) upstream: LegacyOrigin,

    /// Where health and metrics are served.
    #[arg(
        long,
        env = "IPC_WORKER_ADMIN",
        value_name = "ADDRESS",
        default_value = "0.0.0.0:9090"
    )]
    pub(crate) admin: SocketAddr,

    /// The consumer group [default: the service's name].
    #[arg(long, env = "IPC_WORKER_GROUP_ID", value_name = "NAME")]
    pub(crate) group_id: Option<String>,

    /// Makes topics that are missing, the one of requests with so many partitions.
    #[arg(
        long,
        env = "IPC_WORKER_CREATE_TOPICS",
        value_name = "PARTITIONS",
        value_parser = clap::value_parser!(i32).range(1..)
    )]
    pub(crate) create_topics: Option<i32>,

    /// How many requests the process gets at once, of different keys.
    #[arg(
        long,
        env = "IPC_WORKER_CONCURRENCY",
        value_name = "REQUESTS",
        value_parser = at_once,
        default_value = "256"
    )]
    pub(crate) concurrency: usize,

    /// How long the process may work on a request, where its caller waits longer.
    #[arg(
        long,
        env = "IPC_WORKER_TIMEOUT",
        value_name = "DURATION",
        value_parser = humantime::parse_duration,
        default_value = "30s"
    )]
    pub(crate) timeout: Duration,

    /// How long requests under way may go on after a signal to stop.
    #[arg(
        long,
        env = "IPC_WORKER_DRAIN",
        value_name = "DURATION",
        value_parser = humantime::parse_duration,
        default_value = "25s"
    )]
    pub(crate) drain: Duration,

    #[command(flatten)]
    pub(crate) retries: Retries,

    /// What the names of all topics begin with.
    #[arg(long, env = "KAFKA_TOPIC_PREFIX", value_name = "PREFIX")]
    pub(crate) topic_prefix: Option<String>,

    /// A librdkafka property; can be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = property)]
    pub(crate) kafka: Vec<(String, String)>,

    /// How log lines are written. RUST_LOG says which are.
    #[arg(
        long,
        env = "IPC_WORKER_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text"
    )]
    pub(crate) log_format: LogFormat,
}

/// How a one-way request is tried again that the process answered with a 5xx.
#[derive(Debug, Args)]
pub(crate) struct Retries {
    /// Attempts in all; then it is a dead letter.
    #[arg(
        long,
        env = "IPC_WORKER_ATTEMPTS",
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u32).range(1..),
        default_value = "1"
    )]
    pub(crate) attempts: u32,

    /// The first wait between attempts and the longest; it doubles in between.
    #[arg(
        long,
        env = "IPC_WORKER_BACKOFF",
        value_name = "FIRST..LONGEST",
        value_parser = backoff,
        default_value = "100ms..10s"
    )]
    pub(crate) backoff: (Duration, Duration),

    /// Where it waits.
    #[arg(
        long,
        env = "IPC_WORKER_RETRY",
        value_name = "POLICY",
        default_value = "blocking"
    )]
    pub(crate) retry: Where,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Where {
    /// In its lane: its partition waits behind it in the end.
    Blocking,
    /// In topics of delays: later requests of its key overtake it.
    Tiers,
    /// In its lane, and those of its key that come later in a topic of their own.
    KeyParked,
}

fn origin(text: &str) -> Result<LegacyOrigin, String> {
    // Never the text itself: it may hold a password.
    LegacyOrigin::parse(text).ok_or_else(|| {
        "it is not the origin of an HTTP server: write http://host:port, without path, query or \
         user"
            .to_owned()
    })
}

fn at_once(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "write a number from 1 on".to_owned())
}

fn backoff(text: &str) -> Result<(Duration, Duration), String> {
    let parsed = text.split_once("..").and_then(|(first, longest)| {
        let first = humantime::parse_duration(first).ok()?;
        let longest = humantime::parse_duration(longest).ok()?;
        (!first.is_zero() && first <= longest).then_some((first, longest))
    });
    parsed.ok_or_else(|| "write the first wait and the longest, as in 100ms..10s".to_owned())
}
