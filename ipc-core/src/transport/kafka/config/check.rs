//! Finding every mistake before a client is made.

use rdkafka::ClientConfig;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::producer::BaseProducer;

use super::fault::{Fault, verdict};
use super::{KafkaConfig, Role, addresses, property, together};
use crate::transport::TransportError;

impl KafkaConfig {
    /// Finds every mistake without asking the cluster. Blocks for some
    /// milliseconds: librdkafka judges each property itself.
    ///
    /// # Errors
    ///
    /// One error that lists each property that cannot be set, with the mend.
    pub fn check(&self) -> Result<(), TransportError> {
        verdict(&self.faults())
    }

    /// Every mistake that [`check`](Self::check) finds, one by one: for programs
    /// that read more than Kafka's configuration and list all mistakes together.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = addresses::faults(&self.bootstrap);
        faults.extend(settings(self));
        if faults.is_empty() {
            faults.extend(trial(self));
        }
        faults
    }
}

/// Checks each property, then what they mean together.
pub(super) fn settings(config: &KafkaConfig) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut valid = ClientConfig::new();
    for (name, value) in &config.properties {
        match property::fault(name, value) {
            Some(mend) => faults.push(Fault::new(name, Some(value), mend)),
            None => {
                valid.set(name, value);
            }
        }
    }
    if let Err(reason) = config.names.check() {
        faults.push(Fault::new(
            "topic_prefix",
            Some(config.names.prefix()),
            reason,
        ));
    }
    match valid.create_native_config() {
        Ok(native) => faults.extend(together::faults(config, &native)),
        Err(error) => faults.push(Fault::new("properties", None, error.to_string())),
    }
    faults
}

/// Lets librdkafka judge the whole of it, by making a client of each kind that
/// knows no broker.
fn trial(config: &KafkaConfig) -> Vec<Fault> {
    let without_broker = |role| {
        let mut client = config.client(role);
        client.remove("bootstrap.servers").remove("group.id");
        client
    };
    let producer: KafkaResult<BaseProducer> = without_broker(Role::Producer).create();
    let consumer: KafkaResult<BaseConsumer> = without_broker(Role::Group).create();
    [("producer", producer.err()), ("consumer", consumer.err())]
        .into_iter()
        .filter_map(|(kind, error)| {
            let reason = match error? {
                KafkaError::ClientCreation(reason) => reason,
                other => other.to_string(),
            };
            let mend = format!("librdkafka refuses the settings together: {reason}");
            Some(Fault::new(kind, None, mend))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn config() -> KafkaConfig {
        KafkaConfig::new("localhost:9092")
    }

    fn error(config: &KafkaConfig) -> String {
        config.check().unwrap_err().to_string()
    }

    #[test]
    fn the_defaults_are_without_fault() {
        assert!(config().check().is_ok());
        assert!(config().set("group.protocol", "consumer").check().is_ok());
    }

    #[test]
    fn settings_that_contradict_each_other_are_told_for_each_kind_of_client() {
        let error = error(
            &config()
                .set("session.timeout.ms", 70_000)
                .set("max.in.flight", 1000),
        );
        assert!(error.contains("2 mistakes"), "{error}");
        assert!(error.contains("max.poll.interval.ms"), "{error}");
        assert!(error.contains("max.in.flight"), "{error}");
    }

    #[test]
    fn a_nul_byte_is_a_mistake_and_no_panic() {
        assert!(config().set("client.id", "a\0b").check().is_err());
        assert!(config().set("client\0id", "a").check().is_err());
    }

    proptest! {
        #[test]
        fn no_property_and_no_value_makes_the_check_panic(
            property in "\\PC{0,40}",
            value in "\\PC{0,40}",
            servers in "\\PC{0,40}",
        ) {
            let config = KafkaConfig::new(servers).set(&property, value);
            let _ = settings(&config);
            let _ = addresses::faults(config.bootstrap());
        }
    }
}
