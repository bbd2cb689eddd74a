//! `ipc-http-shim serve`: an HTTP process in any language as a service on Kafka.

use std::error::Error;

use ipc_core::dispatch::{Limits, Policy, RetryPolicy, RetrySpec};
use ipc_core::service::{HttpService, Serve, Service, shutdown_signal};
use ipc_core::transport::kafka::KafkaConfig;
use ipc_http_shim::worker::Process;

use crate::args::{Retries, ServeArgs, Where};

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
