//! `ipc-http-shim serve`: an HTTP process in any language as a service on Kafka.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use ipc_core::dispatch::{Limits, Policy, RetryPolicy, RetrySpec};
use ipc_core::service::{HttpService, Serve, Service, shutdown_signal};
use ipc_core::transport::kafka::KafkaConfig;
use ipc_http_shim::config::LegacyOrigin;
use ipc_http_shim::worker::Process;

use crate::args::{LogFormat, property};

/// What a worker is told. Every librdkafka property can be set as
/// KAFKA_<PROPERTY_WITH_UNDERSCORES>.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The service: its requests are on the topic <NAME>.requests.
    #[arg(long, env = "IPC_WORKER_SERVICE", value_name = "NAME")]
    service: String,

    /// The HTTP process, as http://host:port.
    #[arg(long, env = "IPC_WORKER_UPSTREAM", value_name = "ORIGIN", value_parser = origin)]
    upstream: LegacyOrigin,

    /// Where health and metrics are served.
    #[arg(
        long,
        env = "IPC_WORKER_ADMIN",
        value_name = "ADDRESS",
        default_value = "0.0.0.0:9090"
    )]
    admin: SocketAddr,

    /// The consumer group [default: the service's name].
    #[arg(long, env = "IPC_WORKER_GROUP_ID", value_name = "NAME")]
    group_id: Option<String>,

    /// Makes topics that are missing, the one of requests with so many partitions.
    #[arg(
        long,
        env = "IPC_WORKER_CREATE_TOPICS",
        value_name = "PARTITIONS",
        value_parser = clap::value_parser!(i32).range(1..)
    )]
    create_topics: Option<i32>,

    /// How many requests the process gets at once, of different keys.
    #[arg(
        long,
        env = "IPC_WORKER_CONCURRENCY",
        value_name = "REQUESTS",
        value_parser = at_once,
        default_value = "256"
    )]
    concurrency: usize,

    /// How long the process may work on a request, where its caller waits longer.
    #[arg(
        long,
        env = "IPC_WORKER_TIMEOUT",
        value_name = "DURATION",
        value_parser = humantime::parse_duration,
        default_value = "30s"
    )]
    timeout: Duration,

    /// How long requests under way may go on after a signal to stop.
    #[arg(
        long,
        env = "IPC_WORKER_DRAIN",
        value_name = "DURATION",
        value_parser = humantime::parse_duration,
        default_value = "25s"
    )]
    drain: Duration,

    #[command(flatten)]
    retries: Retries,

    /// What the names of all topics begin with.
    #[arg(long, env = "KAFKA_TOPIC_PREFIX", value_name = "PREFIX")]
    topic_prefix: Option<String>,

    /// A librdkafka property; can be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = property)]
    kafka: Vec<(String, String)>,

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
struct Retries {
    /// Attempts in all; then it is a dead letter.
    #[arg(
        long,
        env = "IPC_WORKER_ATTEMPTS",
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u32).range(1..),
        default_value = "1"
    )]
    attempts: u32,

    /// The first wait between attempts and the longest; it doubles in between.
    #[arg(
        long,
        env = "IPC_WORKER_BACKOFF",
        value_name = "FIRST..LONGEST",
        value_parser = backoff,
        default_value = "100ms..10s"
    )]
    backoff: (Duration, Duration),

    /// Where it waits.
    #[arg(
        long,
        env = "IPC_WORKER_RETRY",
        value_name = "POLICY",
        default_value = "blocking"
    )]
    retry: Where,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Where {
    /// In its lane: its partition waits behind it in the end.
    Blocking,
    /// In topics of delays: later requests of its key overtake it.
    Tiers,
    /// In its lane, and those of its key that come later in a topic of their own.
    KeyParked,
}

impl ServeArgs {
    /// The service, about to be served.
    ///
    /// # Errors
    ///
    /// Where no cluster is named.
    fn worker(
        self,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Serve<HttpService<Process>>, &'static str> {
        let mut policy = Policy::new("process");
        policy.timeout = self.timeout;
        let mut limits = Limits::default();
        limits.concurrency = self.concurrency;
        limits.drain = self.drain;
        let mut builder = Service::builder(&self.service)
            .default_policy(policy)
            .limits(limits)
            .admin(self.admin);
        if let Some(retry) = self.retries.spec() {
            builder = builder.retry(retry);
        }
        if let Some(partitions) = self.create_topics {
            builder = builder.create_topics(partitions);
        }
        if let Some(group) = &self.group_id {
            builder = builder.group_id(group);
        }
        let process = HttpService(Process::at(&self.upstream));
        let cluster = self.cluster(variables);
        if cluster.bootstrap().is_empty() {
            return Err(
                "no cluster is named: set KAFKA_BOOTSTRAP_SERVERS to host:port[,host:port]",
            );
        }
        Ok(builder.kafka(cluster).serve(process))
    }

    fn cluster(&self, variables: impl Iterator<Item = (String, String)>) -> KafkaConfig {
        let variables =
            variables.filter_map(|(name, value)| Some((KafkaConfig::property_of(&name)?, value)));
        let flags = self.kafka.iter().cloned();
        let cluster = variables
            .chain(flags)
            .fold(KafkaConfig::new(""), |cluster, (property, value)| {
                cluster.set(&property, value)
            });
        match &self.topic_prefix {
            Some(prefix) => cluster.topic_prefix(prefix),
            None => cluster,
        }
    }
}

impl Retries {
    fn spec(&self) -> Option<RetrySpec> {
        let (first, longest) = self.backoff;
        let policy = match self.retry {
            Where::Blocking => RetryPolicy::Blocking,
            Where::Tiers => RetryPolicy::Tiers,
            Where::KeyParked => RetryPolicy::KeyParked,
        };
        let spec = RetrySpec::attempts(self.attempts);
        (self.attempts > 1).then(|| spec.backoff(first, longest).jitter().policy(policy))
    }
}

/// Serves until a signal, and drains.
pub(crate) async fn serve(args: ServeArgs) -> Result<(), Box<dyn Error>> {
    // A variable that is not text is no property.
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let (service, upstream) = (args.service.clone(), args.upstream.authority().clone());
    let serving = args.worker(variables)?.start().await?;
    tracing::info!(service, %upstream, "serving");
    shutdown_signal().await;
    serving.stop().await;
    Ok(())
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
