//! Which cluster, and how it is reached.

use std::ffi::OsString;

use clap::Args;
use ipc_core::transport::kafka::{KafkaConfig, KafkaTransport};

use crate::failure::Failure;

/// Every librdkafka property can be set as `KAFKA_<PROPERTY_WITH_UNDERSCORES>` too.
#[derive(Debug, Args)]
#[command(next_help_heading = "Kafka")]
pub(crate) struct KafkaArgs {
    /// The cluster
    #[arg(
        long,
        global = true,
        env = "KAFKA_BOOTSTRAP_SERVERS",
        value_name = "HOST:PORT,.."
    )]
    bootstrap_servers: Option<String>,

    /// What the names of all topics begin with
    #[arg(long, global = true, env = "KAFKA_TOPIC_PREFIX", value_name = "PREFIX")]
    topic_prefix: Option<String>,

    /// A librdkafka property; can be repeated
    #[arg(long, global = true, value_name = "NAME=VALUE", value_parser = property)]
    kafka: Vec<(String, String)>,
}

impl KafkaArgs {
    pub(crate) async fn connect(&self) -> Result<KafkaTransport, Failure> {
        let config = self.config(std::env::vars_os())?;
        Ok(KafkaTransport::connect(config).await?)
    }

    fn config(
        &self,
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<KafkaConfig, Failure> {
        // A variable that is not text is no property.
        let variables = variables.filter_map(|(name, value)| {
            let property = KafkaConfig::property_of(name.to_str()?)?;
            Some((property, value.into_string().ok()?))
        });
        let mut config = KafkaConfig::new("");
        for (property, value) in variables {
            config = config.set(&property, value);
        }
        if let Some(bootstrap) = &self.bootstrap_servers {
            config = config.set("bootstrap.servers", bootstrap);
        }
        for (property, value) in &self.kafka {
            config = config.set(property, value);
        }
        if let Some(prefix) = &self.topic_prefix {
            config = config.topic_prefix(prefix);
        }
        if config.bootstrap().is_empty() {
            return Err(Failure::wrong(
                "no cluster is named: set KAFKA_BOOTSTRAP_SERVERS to host:port[,host:port], or give --bootstrap-servers",
            ));
        }
        Ok(config)
    }
}

fn property(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        // Never the text itself, which may be a password.
        _ => Err("it is not a property: write NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(args: KafkaArgs, variables: &[(&str, &str)]) -> Result<KafkaConfig, Failure> {
        let owned = |text: &str| OsString::from(text);
        args.config(
            variables
                .iter()
                .map(|(name, value)| (owned(name), owned(value))),
        )
    }

    fn args(bootstrap: Option<&str>, kafka: &[(&str, &str)]) -> KafkaArgs {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        KafkaArgs {
            bootstrap_servers: bootstrap.map(str::to_owned),
            topic_prefix: Some("staging.".to_owned()),
            kafka: kafka.iter().map(owned).collect(),
        }
    }

    #[test]
    fn a_cluster_that_a_flag_names_wins_and_properties_add_up() {
        let variables = [
            ("KAFKA_BOOTSTRAP_SERVERS", "a:9092"),
            ("KAFKA_SOCKET_TIMEOUT_MS", "5000"),
            ("KAFKA_PORT", "tcp://10.0.0.1:9092"),
        ];
        let flags = args(Some("b:9092"), &[("client.id", "night-shift")]);
        let config = config(flags, &variables).unwrap();
        assert_eq!(config.bootstrap(), "b:9092");
        let shown = format!("{config:?}");
        for property in ["socket.timeout.ms", "client.id"] {
            assert!(shown.contains(property), "{shown}");
        }
        assert_eq!(
            &*config.topic_names().dead_letters("orders"),
            "staging.orders.dlq"
        );
    }

    #[test]
    fn without_a_cluster_it_is_said_how_one_is_named() {
        let failure = config(args(None, &[]), &[]).unwrap_err().to_string();
        assert!(failure.contains("KAFKA_BOOTSTRAP_SERVERS"), "{failure}");
        assert!(failure.contains("--bootstrap-servers"), "{failure}");
    }
}
